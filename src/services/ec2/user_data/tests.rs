//! User data as people write it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn cluster(text: &str) -> Option<String> {
    parse(text).cluster
}

#[test]
fn the_cluster_is_found_in_all_the_usual_forms() {
    for text in [
        "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config",
        "#!/bin/bash\necho \"ECS_CLUSTER=web\" > /etc/ecs/ecs.config",
        "#!/bin/bash\necho 'ECS_CLUSTER=web' | sudo tee -a /etc/ecs/ecs.config",
        "#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=web\nECS_LOGLEVEL=debug\nEOF\n",
        "#!/bin/bash\n{ echo ECS_CLUSTER=web; echo A=b; } >> /etc/ecs/ecs.config",
        "#!/bin/bash\nNAME=we\necho ECS_CLUSTER=${NAME}b >> /etc/ecs/ecs.config",
        "#!/bin/bash\nexport ECS_CLUSTER=\"web\"\necho \"ECS_CLUSTER=$ECS_CLUSTER\" >> /etc/ecs/ecs.config",
        "#!/bin/bash\n# echo ECS_CLUSTER=old >> /etc/ecs/ecs.config\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n#ECS_CLUSTER=x",
        "#cloud-config\nwrite_files:\n  - path: /etc/ecs/ecs.config\n    content: |\n      ECS_CLUSTER=web\n",
        "#cloud-config\nbootcmd:\n  - echo \"ECS_CLUSTER=web\" >> /etc/ecs/ecs.config\n",
        "#cloud-config\nruncmd:\n  - [sh, -c, \"echo ECS_CLUSTER=web >> /etc/ecs/ecs.config\"]\n",
        "Content-Type: multipart/mixed; boundary=\"==B==\"\nMIME-Version: 1.0\n\n--==B==\nContent-Type: text/x-shellscript\n\n\
         #!/bin/bash\necho ECS_CLUSTER=web>>/etc/ecs/ecs.config\n--==B==--\n",
        "[settings.ecs]\ncluster = \"web\"\n[settings.host-containers.admin]\nenabled = true\n",
    ] {
        assert_eq!(cluster(text).as_deref(), Some("web"), "{text}");
    }
}

#[test]
fn what_needs_a_shell_or_is_not_for_the_agent_names_no_cluster() {
    for text in [
        "",
        "#!/bin/bash\nyum update -y",
        "#!/bin/bash\nECS_CLUSTER=web\necho $ECS_CLUSTER",
        "#!/bin/bash\necho ECS_CLUSTER=$(curl http://x) >> /etc/ecs/ecs.config",
        "#!/bin/bash\necho MY_ECS_CLUSTER=web >> /etc/ecs/ecs.config",
    ] {
        assert_eq!(cluster(text), None, "{text}");
    }
}

#[test]
fn attributes_tags_and_memory() {
    let settings = parse(
        "#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=web\nECS_INSTANCE_ATTRIBUTES={\"stack\":\"blue\",\"x\":\"\"}\n\
         ECS_CONTAINER_INSTANCE_TAGS={\"team\": \"a\"}\nECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM=ec2_instance\n\
         ECS_RESERVED_MEMORY=256\nEOF\n",
    );
    assert_eq!(settings.attributes["stack"], "blue");
    assert_eq!(settings.tags["team"], "a");
    assert!(settings.propagates_tags);
    assert_eq!(settings.reserved_memory, 256);
    let escaped = parse("echo \"ECS_INSTANCE_ATTRIBUTES={\\\"stack\\\":\\\"blue\\\"}\" >> /etc/ecs/ecs.config");
    assert_eq!(escaped.attributes["stack"], "blue");
}

#[test]
fn base64_gzip_and_parts_of_messages_are_unpacked() {
    let script = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n";
    let encoded = STANDARD.encode(script);
    assert_eq!(decode(&encoded).as_deref(), Some(script));
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(script.as_bytes()).expect("written");
    assert_eq!(decode(&STANDARD.encode(packed.finish().expect("packed"))).as_deref(), Some(script));
    assert_eq!(decode("not base64!"), None);
    let message = format!(
        "Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n\n--B\nContent-Transfer-Encoding: base64\n\
         Content-Type: text/x-shellscript\n\n{encoded}\n--B--\n"
    );
    assert_eq!(cluster(&message).as_deref(), Some("web"));
}

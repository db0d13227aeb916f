//! Volumes: what containers see of them, and what is left when their task is gone.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::{
    ContainerCondition, ContainerDependency, DockerVolumeConfiguration, EfsAuthorizationConfig, EfsTransitEncryption,
    EfsVolumeConfiguration, HostVolumeProperties, LaunchType, MountPoint, NetworkMode, Scope,
    ServiceManagedEbsVolumeConfiguration, ServiceVolumeConfiguration, Task, TaskManagedEbsVolumeConfiguration,
    TaskManagedEbsVolumeTerminationPolicy, TaskStopCode, TaskVolumeConfiguration, Volume, VolumeFrom,
};
use compat_tests::{
    Ecs, Registers, Runs, Runtime, Server, Store, app, awsvpc, docker, random_account, random_name, refusal,
    wait_until, wait_until_some,
};

on_both!(
    containers_share_a_volume_of_their_task,
    a_managed_volume_is_attached_and_reported,
    a_services_tasks_have_volumes_of_their_own,
    a_managed_volume_must_be_configured,
    a_volume_that_is_not_there_fails_the_task,
);

on_docker!(
    a_path_of_the_host_is_mounted,
    a_volume_takes_what_the_image_has,
    shared_volumes_stay,
    file_systems_and_their_directories,
);

const ROLE: &str = "arn:aws:iam::000000000000:role/ecsInfrastructureRole";

fn at(volume: &str, path: &str) -> MountPoint {
    MountPoint::builder().source_volume(volume).container_path(path).build()
}

fn volume(name: &str) -> aws_sdk_ecs::types::builders::VolumeBuilder {
    Volume::builder().name(name)
}

fn after(name: &str) -> ContainerDependency {
    ContainerDependency::builder().container_name(name).condition(ContainerCondition::Success).build().expect("given")
}

/// Exit codes of the containers, in the definition's order.
fn codes(task: &Task) -> Vec<Option<i32>> {
    task.containers().iter().map(|container| container.exit_code()).collect()
}

/// The volumes on the engine that are labelled with the task.
fn volumes_of(task: &Task) -> Vec<String> {
    docker::volumes(&format!("com.amazonaws.ecs.task-arn={}", task.task_arn().expect("an ARN")))
}

async fn no_volumes_of(task: &Task) {
    wait_until("the task's volumes to be removed", Duration::from_secs(30), || async { volumes_of(task).is_empty() })
        .await;
}

/// One writes, the next reads by `volumesFrom`; the last may not write.
async fn containers_share_a_volume_of_their_task(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let from = VolumeFrom::builder().source_container("writer").read_only(true).build();
    let ends = |container: aws_sdk_ecs::types::builders::ContainerDefinitionBuilder, code: &str| {
        container.essential(false).docker_labels("sim.run-for", "0ms").docker_labels("sim.exit-code", code)
    };
    let writer = ends(app("writer", &["write", "/data/file", "hello"]), "0").mount_points(at("data", "/data")).build();
    let reader = ends(app("reader", &["read", "/data/file"]), "0").volumes_from(from.clone());
    let reader = reader.depends_on(after("writer")).build();
    let intruder = ends(app("intruder", &["write", "/data/file", "x"]), "1").volumes_from(from);
    let intruder = intruder.depends_on(after("writer")).build();
    let read_only = MountPoint::builder().source_volume("data").container_path("/d").read_only(true).build();
    let guest = ends(app("guest", &["write", "/d/file", "x"]), "1").mount_points(read_only);
    let guest = guest.depends_on(after("writer")).build();
    let main = app("main", &["sleep", "3600"]).build();
    let definition = ecs.on_fargate().volumes(volume("data").build());
    let definition = definition.set_container_definitions(Some(vec![reader, writer, intruder, guest, main]));
    let definition = definition.registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    wait_until("the others to have ended", Duration::from_secs(30), || async {
        codes(&ecs.task(&task).await).iter().filter(|code| code.is_some()).count() == 4
    })
    .await;
    assert_eq!(codes(&ecs.task(&task).await), [Some(0), Some(0), Some(1), Some(1), None]);
    if ecs.runtime == Runtime::Docker {
        assert_eq!(volumes_of(&task).len(), 1);
    }
    ecs.stop(&task).await;
    if ecs.runtime == Runtime::Docker {
        no_volumes_of(&task).await;
    }
}

fn managed(name: &str, delete: bool) -> TaskVolumeConfiguration {
    let policy = TaskManagedEbsVolumeTerminationPolicy::builder().delete_on_termination(delete).build();
    let ebs = TaskManagedEbsVolumeConfiguration::builder()
        .role_arn(ROLE)
        .size_in_gib(10)
        .volume_type("gp3")
        .termination_policy(policy.expect("given"))
        .build();
    TaskVolumeConfiguration::builder().name(name).managed_ebs_volume(ebs.expect("complete")).build().expect("complete")
}

fn detail(task: &Task, name: &str) -> Option<String> {
    let mut attachments = task.attachments().iter();
    let attachment = attachments.find(|attachment| attachment.r#type() == Some("AmazonElasticBlockStorage"))?;
    let details = attachment.details().iter();
    details.into_iter().find(|pair| pair.name() == Some(name)).and_then(|pair| pair.value()).map(str::to_owned)
}

fn attachment_status(task: &Task) -> Option<&str> {
    let mut attachments = task.attachments().iter();
    attachments.find(|attachment| attachment.r#type() == Some("AmazonElasticBlockStorage"))?.status()
}

async fn a_managed_volume_is_attached_and_reported(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    // A user other than root may write to it, as on ECS.
    let web = app("web", &["write", "/data/file", "kept"]).user("1000:1000").mount_points(at("data", "/data"));
    let web = web.docker_labels("sim.run-for", "0ms").build();
    let definition = ecs.on_ec2(NetworkMode::None).volumes(volume("data").configured_at_launch(true).build());
    let definition = definition.container_definitions(web).registered().await;
    for delete in [true, false] {
        let run = ecs.run_on_ec2(&cluster, &definition).volume_configurations(managed("data", delete));
        let task = run.one().await;
        assert_eq!((task.last_status(), attachment_status(&task)), (Some("PROVISIONING"), Some("CREATED")));
        assert_eq!((detail(&task, "roleArn").as_deref(), detail(&task, "volumeId")), (Some(ROLE), None));
        assert_eq!(detail(&task, "volumeName").as_deref(), Some("data"));
        assert_eq!(detail(&task, "deleteOnTermination"), Some(delete.to_string()));
        let stopped = ecs.stopped(&task).await;
        assert_eq!((codes(&stopped), attachment_status(&stopped)), (vec![Some(0)], Some("DELETED")));
        let id = detail(&stopped, "volumeId").expect("it was attached");
        assert!(id.starts_with("vol-0"), "{id}");
        if ecs.runtime == Runtime::Docker {
            let name = format!("localecs-ebs-{id}");
            let there = || docker::try_run(&["volume", "inspect", &name]).is_ok();
            if delete {
                wait_until("the volume to be deleted", Duration::from_secs(30), || async { !there() }).await;
            } else {
                no_volumes_of(&task).await;
                assert!(there());
                let _ = docker::run(&["volume", "rm", &name]);
            }
        }
    }
}

/// Each task of a service has one; another size is another deployment.
async fn a_services_tasks_have_volumes_of_their_own(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &[]).mount_points(at("data", "/data")).build();
    let definition = ecs.on_ec2(NetworkMode::None).volumes(volume("data").configured_at_launch(true).build());
    let definition = definition.container_definitions(web).registered().await;
    let sized = |size| {
        let ebs = ServiceManagedEbsVolumeConfiguration::builder().role_arn(ROLE).size_in_gib(size).build();
        let volume = ServiceVolumeConfiguration::builder().name("data").managed_ebs_volume(ebs.expect("complete"));
        volume.build().expect("complete")
    };
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    let create = create.desired_count(2).launch_type(LaunchType::Ec2);
    let (code, _) = refusal(create.clone().send().await);
    assert_eq!(code, "InvalidParameterException");
    create.volume_configurations(sized(10)).send().await.expect("CreateService");
    let running = |started_by: String| {
        let (ecs, cluster) = (&ecs, &cluster);
        async move {
            let listed = ecs.list_tasks().cluster(cluster).started_by(started_by).send().await.expect("ListTasks");
            if listed.task_arns().len() < 2 {
                return None;
            }
            let tasks = ecs.describe_tasks().cluster(cluster).set_tasks(listed.task_arns).send().await;
            let tasks = tasks.expect("DescribeTasks").tasks.unwrap_or_default();
            tasks.iter().all(|task| task.last_status() == Some("RUNNING")).then_some(tasks)
        }
    };
    let primary = async || {
        let answer = ecs.describe_services().cluster(&cluster).services("web").send().await.expect("DescribeServices");
        answer.services()[0].deployments()[0].clone()
    };
    let first = primary().await;
    assert_eq!(first.volume_configurations()[0].name(), "data");
    let tasks =
        wait_until_some("two tasks", Duration::from_secs(60), || running(first.id().expect("an id").to_owned())).await;
    let ids: Vec<_> = tasks.iter().filter_map(|task| detail(task, "volumeId")).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    assert!(tasks.iter().all(|task| attachment_status(task) == Some("ATTACHED")));
    assert!(tasks.iter().all(|task| detail(task, "deleteOnTermination").as_deref() == Some("true")));
    let update = ecs.update_service().cluster(&cluster).service("web").volume_configurations(sized(20));
    update.send().await.expect("UpdateService");
    assert_ne!(primary().await.id(), first.id());
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
    for task in &tasks {
        ecs.stopped(task).await;
        if ecs.runtime == Runtime::Docker {
            no_volumes_of(task).await;
        }
    }
}

async fn a_managed_volume_must_be_configured(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let web = app("web", &[]).mount_points(at("data", "/data")).build();
    let definition = ecs.on_fargate().volumes(volume("data").configured_at_launch(true).build());
    let definition = definition.container_definitions(web).registered().await;
    let run = || ecs.run_on_fargate(&cluster, &definition);
    let (code, message) = refusal(run().send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("'data' in your Task Definition is configured at launch"), "{message}");
    let (code, message) = refusal(run().volume_configurations(managed("other", true)).send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(
        message.starts_with("The volume name 'other' in your request does not have a matching volume"),
        "{message}"
    );
}

async fn a_volume_that_is_not_there_fails_the_task(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let run = |docker: DockerVolumeConfiguration, name: String| {
        let (ecs, cluster) = (&ecs, &cluster);
        async move {
            let web = app("web", &[]).mount_points(at(&name, "/data")).build();
            let volume = volume(&name).docker_volume_configuration(docker).build();
            let definition = ecs.on_ec2(NetworkMode::None).volumes(volume).container_definitions(web);
            let stopped = ecs.stopped(&ecs.run_on_ec2(cluster, &definition.registered().await).one().await).await;
            assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
            stopped.stopped_reason().unwrap_or_default().to_owned()
        }
    };
    let name = random_name("volume");
    let shared = DockerVolumeConfiguration::builder().scope(Scope::Shared).build();
    let reason = run(shared, name.clone()).await;
    let words = format!(
        ": initialize volume: volume detection failed, volume '{name}' does not exist and autoprovision is set to false"
    );
    assert!(reason.starts_with("resource cannot be initialized for task arn:") && reason.contains(&words), "{reason}");
    if ecs.runtime == Runtime::Docker {
        let options =
            DockerVolumeConfiguration::builder().scope(Scope::Task).driver_opts("no-such-option", "1").build();
        let reason = run(options, "data".to_owned()).await;
        assert!(reason.starts_with("Error response from daemon: create ecs-"), "{reason}");
        assert!(reason.contains("no-such-option"), "{reason}");
    }
}

async fn a_path_of_the_host_is_mounted(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("given"), "from the host\n").expect("written");
    let host = |path: &str| {
        let path = folder.path().join(path).display().to_string();
        HostVolumeProperties::builder().source_path(path).build()
    };
    let reads = app("reads", &["read", "/data/given"]).mount_points(at("data", "/data")).essential(false).build();
    let writes = app("writes", &["write", "/out/made", "x"]).mount_points(at("out", "/out")).essential(true);
    let writes = writes.depends_on(after("reads")).build();
    let definition = ecs
        .on_ec2(NetworkMode::None)
        .volumes(volume("data").host(host("")).build())
        .volumes(volume("out").host(host("new/folder")).build())
        .container_definitions(reads)
        .container_definitions(writes)
        .registered()
        .await;
    let stopped = ecs.stopped(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    assert_eq!(codes(&stopped), [Some(0), Some(0)], "{stopped:#?}");
    let made = std::fs::read_to_string(folder.path().join("new/folder/made"));
    assert_eq!(made.expect("the engine made the folder"), "x\n");
}

/// The image's only file is at its root; a volume over a path of the image begins with what is there.
async fn a_volume_takes_what_the_image_has(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    // /etc has hosts, hostname and resolv.conf mounted, but the image's own /etc is what the volume gets.
    let web = app("web", &["wait-file", "/copy/seed", "10"]).mount_points(at("copy", "/copy"));
    let image = image_with(&random_name("content"), "/copy/seed");
    let definition = ecs.on_fargate().volumes(volume("copy").build());
    let definition = definition.container_definitions(web.image(&image).build()).registered().await;
    let stopped = ecs.stopped(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    let _ = docker::try_run(&["rmi", "--force", &image]);
    assert_eq!(codes(&stopped), [Some(0)], "{stopped:#?}");
}

/// The sample app's image with one more file.
fn image_with(name: &str, path: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "seed").expect("written");
    let build = format!("FROM {}\nCOPY file {path}\n", compat_tests::APP_IMAGE);
    std::fs::write(folder.path().join("Dockerfile"), build).expect("written");
    let tag = format!("localecs-test/{name}:1");
    let _ = docker::run(&["build", "--quiet", "--tag", &tag, &folder.path().display().to_string()]);
    tag
}

async fn shared_volumes_stay(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let name = random_name("shared");
    let docker_volume = DockerVolumeConfiguration::builder()
        .scope(Scope::Shared)
        .autoprovision(true)
        .driver("local")
        .driver_opts("type", "tmpfs")
        .driver_opts("device", "tmpfs")
        .driver_opts("o", "size=8m")
        .labels("team", "red")
        .build();
    let web = app("web", &["sleep", "0"]).mount_points(at(&name, "/data")).build();
    let volume = volume(&name).docker_volume_configuration(docker_volume).build();
    let definition = ecs.on_ec2(NetworkMode::None).volumes(volume).container_definitions(web).registered().await;
    let stopped = ecs.stopped(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    assert_eq!(codes(&stopped), [Some(0)]);
    let format = "{{.Driver}} {{.Options.o}} {{.Labels.team}}";
    let made = docker::try_run(&["volume", "inspect", "--format", format, &name]);
    assert_eq!(made.as_deref(), Ok("local size=8m red"));
    let again = ecs.stopped(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    assert_eq!(codes(&again), [Some(0)], "the one that is there is used");
}

/// The file system is one for all tasks; its directories and access points are parts of it.
async fn file_systems_and_their_directories(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let id = format!("fs-{}", ecs.account);
    let efs = |root: Option<&str>, point: Option<&str>| {
        let authorization = point.map(|point| EfsAuthorizationConfig::builder().access_point_id(point).build());
        EfsVolumeConfiguration::builder()
            .file_system_id(&id)
            .set_root_directory(root.map(str::to_owned))
            .transit_encryption(EfsTransitEncryption::Enabled)
            .set_authorization_config(authorization)
            .build()
            .expect("complete")
    };
    let run = |container: aws_sdk_ecs::types::builders::ContainerDefinitionBuilder, efs: EfsVolumeConfiguration| {
        let (ecs, cluster) = (&ecs, &cluster);
        async move {
            let container = container.mount_points(at("files", "/files")).build();
            let definition = ecs.on_fargate().volumes(volume("files").efs_volume_configuration(efs).build());
            let definition = definition.container_definitions(container).registered().await;
            let task = ecs.run_on_fargate(cluster, &definition).one().await;
            let stopped = ecs.stopped(&task).await;
            (codes(&stopped)[0], stopped.stopped_reason().unwrap_or_default().to_owned())
        }
    };
    let done = "Essential container in task exited".to_owned();
    let by_user = app("web", &["write", "/files/file", "x"]).user("1000");
    assert_eq!(run(by_user, efs(None, Some("fsap-1"))).await, (Some(0), done.clone()), "all may write there");
    let in_directory = app("web", &["write", "/files/file", "x"]);
    assert_eq!(run(in_directory, efs(Some("/deep/down"), None)).await, (Some(0), done.clone()));
    for path in ["/files/fsap-1/file", "/files/deep/down/file"] {
        let whole = app("web", &["read", path]);
        assert_eq!(run(whole, efs(Some("/"), None)).await, (Some(0), done.clone()), "{path}");
    }
    let again = app("web", &["read", "/files/file"]);
    assert_eq!(run(again, efs(Some("deep/down"), None)).await, (Some(0), done));
}

#[tokio::test]
async fn volumes_are_found_again_after_a_kill() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let cluster = ecs.cluster().await;
    let web = app("web", &[]).mount_points(at("data", "/data")).build();
    let definition = ecs.on_fargate().volumes(volume("data").build()).container_definitions(web).registered().await;
    let task = ecs.run_task().cluster(&cluster).task_definition(&definition).launch_type("FARGATE".into());
    let task = task.network_configuration(awsvpc(&["subnet-0a"])).one().await;
    ecs.running(&task).await;
    let made = volumes_of(&task);
    assert_eq!(made.len(), 1);
    server.kill();
    // Left over from a task that nobody knows any more.
    let lost = random_name("lost");
    let labels =
        [store.label(), "localecs.scope=task".into(), format!("com.amazonaws.ecs.task-arn={}", ecs.arn("task/x/0"))];
    let mut create = vec!["volume", "create", "--name", &lost];
    labels.iter().for_each(|label| create.extend(["--label", label.as_str()]));
    let _ = docker::run(&create);

    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    ecs.running(&task).await;
    wait_until("the leftover to be removed", Duration::from_secs(20), || async {
        docker::volumes(&store.label()) == made
    })
    .await;
    ecs.stop(&task).await;
    no_volumes_of(&task).await;
    server.stop();
}

//! From the names of a model to Rust's.

/// Types of the prelude, and what generated code uses by its short name.
const TAKEN: &[&str] = &["Box", "Default", "Err", "None", "Ok", "Option", "Result", "Self", "Some", "String", "Vec"];

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Plurals and brands whose capitals would be split in the wrong place.
const SPELLINGS: &[(&str, &str)] =
    &[("ARNs", "Arns"), ("IDs", "Ids"), ("IPv", "Ipv"), ("URLs", "Urls"), ("VPCs", "Vpcs")];

/// `efsVolumeConfiguration` → `efs_volume_configuration`, `EC2InstanceId` → `ec2_instance_id`.
pub(crate) fn snake(name: &str) -> String {
    let mut name = name.to_owned();
    for (from, to) in SPELLINGS {
        name = name.replace(from, to);
    }
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    for (index, &char) in chars.iter().enumerate() {
        if !char.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        if char.is_ascii_uppercase() && index > 0 {
            let before = chars[index - 1];
            // A new word begins after a small letter or digit, and at the last capital of an acronym.
            let starts_word = before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase() && chars.get(index + 1).is_some_and(char::is_ascii_lowercase));
            if starts_word && !out.ends_with('_') {
                out.push('_');
            }
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

/// The name of a structure's field.
pub(crate) fn field(name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        // These cannot be raw identifiers.
        "self" | "super" | "crate" => format!("{name}_"),
        keyword if KEYWORDS.contains(&keyword) => format!("r#{name}"),
        _ => name,
    }
}

/// The name of a static.
pub(crate) fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// The name of a structure or enum: AWS's own, but for those that Rust has taken.
pub(crate) fn type_name(name: &str) -> String {
    let mut chars = name.chars();
    let name: String = match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    };
    if TAKEN.contains(&name.as_str()) { format!("{name}Shape") } else { name }
}

/// The names of an enum's variants: `FARGATE_SPOT` → `FargateSpot`, `json-file` → `JsonFile`.
pub(crate) fn variants(values: &[String]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for value in values {
        let mut name = String::new();
        for word in value.split(|char: char| !char.is_ascii_alphanumeric()).map(capitalised) {
            // X86_64, not X8664.
            if name.ends_with(|char: char| char.is_ascii_digit())
                && word.starts_with(|char: char| char.is_ascii_digit())
            {
                name.push('_');
            }
            name.push_str(&word);
        }
        if name.starts_with(|char: char| char.is_ascii_digit()) || name.is_empty() {
            name.insert(0, 'V');
        }
        if name == "Self" || name == "Unrecognized" {
            name.push('_');
        }
        while names.contains(&name) {
            name.push('_');
        }
        names.push(name);
    }
    names
}

/// `FARGATE` → `Fargate`, `awsvpc` → `Awsvpc`; what has capitals inside keeps them: `taskLongArnFormat`.
fn capitalised(word: &str) -> String {
    let keep = word.chars().any(|char| char.is_ascii_lowercase());
    let rest = |rest: &str| {
        if keep { rest.to_owned() } else { rest.to_ascii_lowercase() }
    };
    word.split_at_checked(1).map_or_else(String::new, |(first, tail)| first.to_ascii_uppercase() + &rest(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case() {
        for (name, expected) in [
            ("efsVolumeConfiguration", "efs_volume_configuration"),
            ("EFSTransitEncryption", "efs_transit_encryption"),
            ("EC2InstanceId", "ec2_instance_id"),
            ("ec2InstanceId", "ec2_instance_id"),
            ("kmsKeyId", "kms_key_id"),
            ("fargateFIPSMode", "fargate_fips_mode"),
            ("enableIPv6", "enable_ipv6"),
            ("ipv6Address", "ipv6_address"),
            ("networkInterfaceIDs", "network_interface_ids"),
            ("DBInstance", "db_instance"),
            ("s3", "s3"),
            ("x-amz-date", "x_amz_date"),
            ("RunTask", "run_task"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }

    #[test]
    fn fields_that_are_keywords_are_raw() {
        assert_eq!(field("type"), "r#type");
        assert_eq!(field("Match"), "r#match");
        assert_eq!(field("self"), "self_");
        assert_eq!(field("typeName"), "type_name");
    }

    #[test]
    fn variant_names() {
        let values =
            ["FARGATE_SPOT", "json-file", "taskLongArnFormat", "X86_64", "EC2", "2xlarge", "", "a.b", "a-b", "UNKNOWN"];
        let names = variants(&values.map(str::to_owned));
        assert_eq!(
            names,
            ["FargateSpot", "JsonFile", "TaskLongArnFormat", "X86_64", "Ec2", "V2xlarge", "V", "AB", "AB_", "Unknown"]
        );
    }

    #[test]
    fn type_names() {
        assert_eq!(type_name("tag"), "Tag");
        assert_eq!(type_name("CPUArchitecture"), "CPUArchitecture");
        assert_eq!(type_name("String"), "StringShape");
    }
}

//! Task sizes: how CPU and memory are written, and which pairs Fargate has.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size>

/// A task's CPU as a request writes it (`256`, `.25 vCPU`, `1vcpu`) in CPU units, 1024 of them a vCPU.
#[must_use]
pub fn cpu_units(text: &str) -> Option<i32> {
    quantity(text, "vcpu")
}

/// A task's memory as a request writes it (`512`, `0.5GB`, `1 gb`) in MiB.
#[must_use]
pub fn memory_mib(text: &str) -> Option<i32> {
    quantity(text, "gb")
}

/// A positive whole number, or any number of `unit`s, each of which is 1024.
fn quantity(text: &str, unit: &str) -> Option<i32> {
    let text = text.trim().to_ascii_lowercase();
    let amount = match text.strip_suffix(unit) {
        None => return text.parse().ok().filter(|amount| *amount > 0 && text.bytes().all(|b| b.is_ascii_digit())),
        Some(number) => number.trim_end(),
    };
    if !amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let amount = amount.parse::<f64>().ok()? * 1024.0;
    (amount >= 1.0 && amount <= f64::from(i32::MAX) && amount.fract() == 0.0).then_some(amount as i32)
}

/// CPU units, least and most MiB, and the step between.
const FARGATE: &[(i32, i32, i32, i32)] = &[
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// Whether Fargate has tasks of this size. Windows begins at 1 vCPU and ends at 4.
#[must_use]
pub fn fargate_has(cpu: i32, memory: i32, windows: bool) -> bool {
    if windows && !(1024..=4096).contains(&cpu) {
        return false;
    }
    match cpu {
        256 => matches!(memory, 512 | 1024 | 2048),
        32768 => matches!(memory, 61_440 | 122_880 | 249_856),
        _ => FARGATE
            .iter()
            .any(|(size, least, most, step)| *size == cpu && (*least..=*most).contains(&memory) && memory % step == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_many_ways() {
        for (text, units) in [
            ("256", Some(256)),
            ("0.25 vCPU", Some(256)),
            (".25 vcpu", Some(256)),
            ("1vcpu", Some(1024)),
            (" 4 VCPU ", Some(4096)),
            ("", None),
            ("abc", None),
            ("0", None),
            ("-256", None),
            ("+256", None),
            ("vcpu", None),
            ("1.5", None),
            ("inf vcpu", None),
            ("nan vcpu", None),
            ("1.2.3 vcpu", None),
            ("99999999999", None),
            ("0.0001 vcpu", None),
            ("1 GB", None),
        ] {
            assert_eq!(cpu_units(text), units, "{text}");
        }
        for (text, mib) in [("1024", Some(1024)), ("1GB", Some(1024)), ("0.5 gb", Some(512)), ("30 GB", Some(30720))] {
            assert_eq!(memory_mib(text), mib, "{text}");
        }
    }

    #[test]
    fn fargate_has_the_sizes_of_the_documentation() {
        for (cpu, memory) in [
            (256, 512),
            (256, 2048),
            (512, 1024),
            (512, 4096),
            (1024, 2048),
            (1024, 8192),
            (2048, 4096),
            (2048, 16384),
            (4096, 8192),
            (4096, 30720),
            (8192, 16384),
            (8192, 61440),
            (16384, 32768),
            (16384, 122_880),
            (32768, 61440),
        ] {
            assert!(fargate_has(cpu, memory, false), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            (256, 1536),
            (256, 4096),
            (512, 512),
            (512, 2560),
            (1024, 1024),
            (1024, 9216),
            (4096, 31744),
            (8192, 17408),
            (16384, 36864),
            (128, 512),
            (32768, 65536),
        ] {
            assert!(!fargate_has(cpu, memory, false), "{cpu} {memory}");
        }
        assert!(fargate_has(1024, 2048, true) && !fargate_has(512, 1024, true) && !fargate_has(8192, 16384, true));
    }
}

//! What this machine has.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Number of cores that we may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Bytes of memory that we may use: the machine's, or less where a control group that we are in
/// has less. `None` where that cannot be seen: elsewhere than on Linux.
pub fn memory() -> Option<u64> {
    memory_below(Path::new("/"))
}

/// The same, of the machine whose files lie below `root`.
fn memory_below(root: &Path) -> Option<u64> {
    let machine = total(&fs::read_to_string(root.join("proc/meminfo")).ok()?)?;
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = limit_files(&groups, &root.join("sys/fs/cgroup"))
        .into_iter()
        // `max`, and what is not there, is no limit.
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    limits.chain([machine]).min()
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB.
fn total(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Files that may limit us, from `/proc/self/cgroup`: those of our group and all groups around it,
/// of version 2 (`0::/path`) and 1 (`4:memory:/path`).
fn limit_files(groups: &str, mounted: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            all if all.split(',').any(|it| it == "memory") => {
                (mounted.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // A container may see a path of the world outside: then its root is its own group.
        let inside: PathBuf = Path::new(path)
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect();
        files.extend(inside.ancestors().map(|group| root.join(group).join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read() {
        let text = "MemTotal:       24683756 kB\nMemFree:        13295140 kB\n";
        assert_eq!(total(text), Some(24_683_756 << 10));
        for text in ["", "MemTotal: many kB", "MemTotal: 5 MB"] {
            assert_eq!(total(text), None);
        }
        if cfg!(target_os = "linux") {
            assert!(memory().is_some_and(|bytes| bytes > 64 << 20));
        }
    }

    #[test]
    fn a_container_has_what_its_group_has() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let memory = || memory_below(root.path());
        assert_eq!(memory(), None);
        write("proc/meminfo", "MemTotal:       8388608 kB\n");
        assert_eq!(memory(), Some(8 << 30));
        write("proc/self/cgroup", "0::/pod/c\n");
        write("sys/fs/cgroup/pod/c/memory.max", "max\n");
        assert_eq!(memory(), Some(8 << 30));
        write("sys/fs/cgroup/pod/memory.max", "1073741824\n");
        assert_eq!(memory(), Some(1 << 30));
        write("sys/fs/cgroup/pod/c/memory.max", "536870912\n");
        assert_eq!(memory(), Some(512 << 20));
    }

    #[test]
    fn groups_of_both_versions_are_looked_at_up_to_the_root() {
        let groups = "9:name=systemd:/a\n4:cpu,memory:/docker/7f\n0::/../pod:1/c\nnonsense\n";
        let expected = [
            "/g/memory/docker/7f/memory.limit_in_bytes",
            "/g/memory/docker/memory.limit_in_bytes",
            "/g/memory/memory.limit_in_bytes",
            "/g/pod:1/c/memory.max",
            "/g/pod:1/memory.max",
            "/g/memory.max",
        ];
        let files = limit_files(groups, Path::new("/g"));
        assert_eq!(files, expected.map(PathBuf::from));
    }
}

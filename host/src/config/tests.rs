//! Layers, limits, and what errors say.

use super::*;
use framemill_function_spec::CredentialKind;
use framemill_runtime::Limits;
use std::time::Duration;

fn layer(pairs: &[(&str, &str)]) -> Layer {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn flags_before_environment_before_file_before_defaults() {
    let environment = layer(&[("FRAMEMILL_QUALITY", "70"), ("FRAMEMILL_EVERY", "3s")]);
    let file = "drain = '5s'\n[extract]\nevery = '4s'\nquality = 60\nformat = 'png'\nat = []";
    let settings = Settings::new(
        &layer(&[("every", "2s")]),
        |name| environment.get(name).cloned(),
        Some(file),
    )
    .unwrap();
    let get = |name: &str| {
        settings
            .extraction()
            .unwrap()
            .variables
            .get(name)
            .map(String::as_str)
    };
    assert_eq!(get("every"), Some("2s"));
    assert_eq!(get("quality"), Some("70"));
    assert_eq!(get("format"), Some("png"));
    assert_eq!(get("max_side"), Some(""));
    assert_eq!(settings.drain, Duration::from_secs(5));
    let limits = settings.limits;
    assert_eq!(
        (limits.memory, limits.time),
        (512 << 20, Duration::from_secs(900))
    );
    assert_eq!((limits.wall, limits.body), (None, None));
    assert_eq!(get("segment_budget"), Some(""));
    assert_eq!(settings.workers, cores());
}

#[test]
fn limits_of_a_small_cloud_have_a_name() {
    let of = |file: &str| Settings::new(&layer(&[("limits", "akamai")]), |_| None, Some(file));
    let settings = of("").unwrap();
    assert_eq!(settings.limits, Limits::akamai());
    let budget = settings.config.segment_budget.unwrap();
    assert_eq!((budget.time.micros(), budget.bytes), (8_000_000, 8 << 20));
    let settings = of("[extract]\nsegment_budget = '5s,4MiB'").unwrap();
    assert_eq!(settings.config.segment_budget.unwrap().bytes, 4 << 20);
    for key in ["memory_limit = '1GiB'", "time_limit = '1h'"] {
        let error = of(key).unwrap_err().to_string();
        assert!(error.contains("leave one of them out"), "{error}");
    }
}

#[test]
fn the_memory_of_all_sandboxes_has_room_for_a_message_and_a_segment() {
    let of = |file: &str| Settings::new(&Layer::new(), |_| None, Some(file));
    let settings = of("memory_limit = '300MiB'\nmemory_budget = '1000MiB'").unwrap();
    assert_eq!(settings.memory_budget, Some(1000 << 20));
    assert_eq!(settings.sandbox_memory().unwrap().sandboxes(), 3);
    assert!(of("memory_budget = '1GiB'").is_ok());
    for (file, limit) in [
        ("memory_budget = '1023MiB'", "512MiB"),
        ("memory_budget = '1023MiB'\nlimits = 'akamai'", ""),
        ("memory_budget = '255MiB'\nlimits = 'akamai'", "128MiB"),
    ] {
        let said = of(file).map_err(|error| error.to_string()).err();
        assert_eq!(said.is_some(), !limit.is_empty(), "{file}: {said:?}");
        for words in ["`memory_budget`", "memory_limit", limit] {
            assert!(said.iter().all(|said| said.contains(words)), "{said:?}");
        }
    }
    // What a machine has not is said.
    let settings = of("memory_limit = '300MiB'\nmemory_budget = '1000MiB'").unwrap();
    assert_eq!(settings.memory_shortage(None), None);
    assert_eq!(settings.memory_shortage(Some(900 << 20)), None);
    assert_eq!(
        settings.memory_shortage(Some(512 << 20)).unwrap(),
        "3 sandboxes at once, of memory_limit 300MiB each: 900 MiB, and this machine or container has 512 MiB"
    );
    // Not set: what a machine has, however little that is.
    let standard = of("memory_limit = '4GiB'").unwrap().sandbox_memory();
    assert!(standard.is_none_or(|memory| memory.sandboxes() >= 2));
}

#[test]
fn lists_numbers_and_flags_are_text() {
    let file =
        "workers = 3\n[extract]\nat = ['0s', '1.5s']\ndrop_blank = true\nmin_sharpness = 12.5";
    let settings = Settings::new(&Layer::new(), |_| None, Some(file)).unwrap();
    assert_eq!(settings.workers, 3);
    let variables = &settings.extraction().unwrap().variables;
    assert_eq!(variables["at"], "0s,1.5s");
    assert!(settings.config.filters.drop_blank);
    assert_eq!(settings.config.filters.min_sharpness, Some(12.5));
}

#[test]
fn errors_name_the_key() {
    for (file, part) in [
        ("colour = 1", "colour"),
        ("[extract]\nspeed = 1", "extract.speed"),
        (
            "[extract]\ncomponent_sha256 = 'x'",
            "extract.component_sha256",
        ),
        ("[extract]\nquality = 101", "`extract.quality`"),
        ("memory_limit = '1TiB'", "`memory_limit`"),
        ("memory_limit = '1MiB'", "`memory_limit`"),
        ("time_limit = 'long'", "`time_limit`"),
        ("limits = 'azure'", "`limits`"),
        ("stable_for = '0s'", "`stable_for`"),
        ("workers = 0", "`workers`"),
        ("drain = {a = 1}", "`drain`"),
        ("max_attempts = -1", "`max_attempts`"),
        ("listen = '8400'", "`listen`"),
        ("push_audience = 'a'", "`push_email`"),
        ("push_email = 'a@b'", "`push_audience`"),
        ("insecure_push = 'maybe'", "`insecure_push`"),
    ] {
        let error = Settings::new(&Layer::new(), |_| None, Some(file)).unwrap_err();
        assert!(format!("{error:#}").contains(part), "{file}: {error:#}");
    }
}

#[test]
fn errors_say_where_and_what_is_allowed_and_all_are_said() {
    let file = "workers = 2\n\n[extract]\nquality = 101\n\n[labeling]\ntarget = 'scale'\nbatch_size = 0\ntoken = 's3cret'\nimage_path = 'x/'";
    let environment = |name: &str| (name == "FRAMEMILL_MAX_IMAGES").then(|| "none".to_owned());
    let flags = layer(&[("memory_limit", "1MiB")]);
    let SettingErrors(errors) = Settings::new(&flags, environment, Some(file)).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for expected in [
        "configuration `memory_limit`: `1MiB` is out of range: 16MiB to 4GiB (flag --memory-limit)",
        "configuration `extract.max_images`: `none` is not a whole number from 1 to 10000000 (environment variable FRAMEMILL_MAX_IMAGES)",
        "configuration `extract.quality`: `101` is not a whole number from 1 to 100 (line 4 of framemill.toml)",
        "configuration `labeling.batch_size`: `0` is not a whole number from 1 to 10000 (line 8 of framemill.toml)",
        "configuration `labeling.image_path`: is that of extract-frames: set it there (line 10 of framemill.toml)",
        "configuration `labeling.token`: is a secret and stands in no file like this: set FRAMEMILL_LABELING_TOKEN, or labeling.token_file (line 9 of framemill.toml)",
    ] {
        assert!(
            said.iter().any(|error| error == expected),
            "{expected}\n{said:#?}"
        );
    }
    assert!(
        said.iter().all(|error| !error.contains("s3cret")),
        "{said:#?}"
    );
}

#[test]
fn a_function_that_is_off_says_so_where_its_keys_are_set() {
    let of = |file: &str| Settings::new(&Layer::new(), |_| None, Some(file));
    let settings = of("").unwrap();
    assert_eq!(settings.functions.len(), 1);
    let error = of("[labeling]\nproject = '1'").unwrap_err().to_string();
    assert!(error.contains("labeling.target is not set"), "{error}");
    let settings = of("[labeling]\ntarget = 'webhook'\ntarget_url = 'https://h/x'").unwrap();
    let [_, labeling] = settings.functions.as_slice() else {
        panic!("two functions: {:?}", settings.functions)
    };
    assert_eq!(labeling.function.hosts[0].url, "https://h/x");
    assert_eq!(labeling.variables["image_path"], "images/");
    assert_eq!(labeling.variables["bucket"], "local");
}

#[test]
fn a_users_function_is_described_like_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("function.toml");
    let spec = "name = 'blur'\ncomponent = 'blur'\nread = ['{image_path}']\nwrite = ['blurred/']\n[trigger]\nprefix = '{image_path}'\nextensions = 'jpg'\n[[key]]\nname = 'image_path'\ntype = 'prefix'\ndefault = 'images'\ndoc = 'd'\n[[key]]\nname = 'radius'\ntype = 'integer'\nmin = 1\ndefault = '4'\ndoc = 'd'";
    std::fs::write(&path, spec).unwrap();
    let of = |variables: &str| {
        let file = format!(
            "[[pipeline]]\nname = 'faces'\nfunction = '{}'\n[pipeline.variables]\n{variables}",
            path.display()
        );
        Settings::new(&Layer::new(), |_| None, Some(&file))
    };
    let settings = of("radius = 7").unwrap();
    let own = settings.functions.last().unwrap();
    assert_eq!(
        (own.function.name.as_str(), own.component.as_str()),
        ("faces", "blur")
    );
    assert_eq!(own.function.read, ["images/"]);
    assert_eq!(own.variables["radius"], "7");
    assert!(own.function.trigger.takes("images/a/000000.jpg"));
    for (variables, part) in [
        ("radius = 0", "`0` is not a whole number of 1 or more"),
        ("speed = 1", "`speed` is no key of its function.toml"),
    ] {
        let error = of(variables).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

fn read(file: &str) -> Result<Settings, SettingErrors> {
    Settings::new(&Layer::new(), |_| None, Some(file))
}

/// A file with a secret.
fn secret() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret").unwrap();
    file
}

/// A pipeline of the user's, with these lines.
fn pipeline(name: &str, lines: &str) -> String {
    format!("[[pipeline]]\nname = '{name}'\ncomponent = 'c'\n{lines}\n")
}

#[test]
fn credentials_belong_to_one_pipeline() {
    let secret = secret();
    let path = secret.path().display();
    let allow = "prefix = 'a/'\nallow = ['https://*.googleapis.com', 'https://h']";
    let file = format!(
        "[labeling]\ntarget = 'webhook'\ntarget_url = 'https://iamcredentials.googleapis.com/hook?code=1'\nimage_urls = 'signed'\nsigning_account = 'a@b'\ntoken_file = '{path}'\n\
         {}{}[[pipeline.credentials]]\nurl = 'https://h/v1'\nkind = 'bearer'\nfile = '{path}'\n",
        pipeline("neighbour", allow),
        pipeline("owner", allow),
    );
    let settings = read(&file).unwrap();
    let of = |name: &str| {
        let mut functions = settings.functions.iter();
        let found = functions.find(|it| it.function.name == name).unwrap();
        let all: Result<Vec<_>, _> = found.credentials().into_iter().collect();
        let text = |it: framemill_runtime::HostCredential| {
            let methods: Vec<_> = it.methods.iter().map(|it| it.as_str()).collect();
            let exact = if it.exact { " alone" } else { "" };
            format!("{} {}{exact}", methods.join(","), it.url)
        };
        all.unwrap().into_iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(of("neighbour"), [""; 0]);
    assert_eq!(of("extract-frames"), [""; 0]);
    assert_eq!(of("owner"), ["GET,HEAD,POST https://h/v1"]);
    // A target on the server of Google's tokens gets its own credential, not that one.
    let google = "https://iamcredentials.googleapis.com";
    assert_eq!(
        of("request-labeling"),
        [
            format!("GET,HEAD,POST {google}/hook"),
            format!("POST {google}/v1/projects/-/serviceAccounts/a@b:signBlob alone"),
        ]
    );
}

/// A webhook on the server of objects gets its own credential, and Google's not at all.
#[test]
fn a_target_on_the_server_of_objects_has_no_credential_of_it() {
    let secret = secret();
    let path = secret.path().display();
    let objects = "https://storage.googleapis.com";
    let file = format!(
        "[labeling]\ntarget = 'webhook'\ntarget_url = '{objects}/hook'\ntoken_file = '{path}'\n"
    );
    let settings = read(&file).unwrap();
    let functions = settings.functions.iter();
    let all: Result<Vec<_>, _> = functions.flat_map(|it| it.credentials()).collect();
    let all = all.unwrap();
    let [one] = all.as_slice() else {
        panic!("{} credentials", all.len())
    };
    assert_eq!(one.kind, CredentialKind::Hmac);
    assert_eq!(one.url, format!("{objects}/hook"));
}

#[test]
fn what_the_user_says_of_a_target_counts_before_its_declaration() {
    let secret = secret();
    let labeling =
        "[labeling]\ntarget = 'custom-acme'\ntarget_url = 'https://acme.example.com/api'";
    let own = format!(
        "[[labeling.credentials]]\nurl = 'https://acme.example.com/api/orders'\nkind = 'header'\nheader = 'X-Api-Key'\nfile = '{}'",
        secret.path().display()
    );
    let settings = read(&format!("{labeling}\n{own}")).unwrap();
    let all = settings.functions[1].credentials();
    let [Ok(one)] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(one.url, "https://acme.example.com/api/orders");
    assert_eq!(one.header.as_deref(), Some("X-Api-Key"));
    for (file, part) in [
        (own.as_str(), "labeling.target is not set"),
        (
            "[[credentials]]\nhost = 'https://h'\nkind = 'google'",
            "[[pipeline.credentials]]",
        ),
        (
            "[labeling]\n[[labeling.credentials]]\nurl = 'https://h'\nkind = 'token'",
            "`labeling.credentials`: give one of env and file",
        ),
    ] {
        let error = read(file).unwrap_err().to_string();
        assert!(error.contains(part), "{file}: {error}");
    }
}

#[test]
fn nobody_gets_a_whole_bucket_by_accident() {
    let of = |lines: &str| read(&pipeline("mine", lines));
    for (lines, part) in [
        ("suffix = '.mp4'", "has no prefix, so name in `read`"),
        (
            "suffix = '.mp4'\nwrite = ['out/']",
            "has no prefix, so name in `read`",
        ),
        ("prefix = 'a/'\nread = ['']", "an empty prefix"),
        (
            "prefix = 'a/'\nsuffix = 'x'\nwrite = ['']",
            "an empty prefix",
        ),
        ("prefix = 'a/'\nwrite = ['*']", "starts it again"),
    ] {
        let error = of(lines).unwrap_err().to_string();
        assert!(error.contains(part), "{lines}: {error}");
        assert!(error.contains("mine"), "{lines}: {error}");
    }
    for (lines, expected) in [
        ("prefix = 'a/'", "a/"),
        ("suffix = '.mp4'\nread = ['b/']", "b/"),
        ("suffix = '.mp4'\nread = ['*']", ""),
    ] {
        let settings = of(lines).unwrap();
        assert_eq!(settings.functions[1].function.read, [expected], "{lines}");
    }
    // A key of a declaration that nobody has set.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("function.toml");
    let spec = "name = 'f'\ncomponent = 'f'\nread = ['{place}']\n[trigger]\nsuffix = '.x'\n[[key]]\nname = 'place'\ndoc = 'd'";
    std::fs::write(&path, spec).unwrap();
    let of = |variables: &str| {
        let path = path.display();
        read(&format!(
            "[[pipeline]]\nname = 'mine'\nfunction = '{path}'\n[pipeline.variables]\n{variables}"
        ))
    };
    let error = of("").unwrap_err().to_string();
    assert!(error.contains("an empty prefix"), "{error}");
    let settings = of("place = '*'").unwrap();
    assert_eq!(settings.functions[1].function.read, [""]);
}

/// One of two would win, and the user would not know which.
#[test]
fn two_selections_in_one_layer_are_refused() {
    let of = |flags: &Layer, environment: &Layer, file: &str| {
        Settings::new(flags, |name| environment.get(name).cloned(), Some(file))
    };
    let none = Layer::new();
    let two = layer(&[("every", "2s"), ("count", "5")]);
    let said = of(&two, &none, "").unwrap_err().to_string();
    let expected = "configuration `extract.count`: extract.every is given there too, and they are one choice: leave one of them out (flag --count)";
    assert_eq!(said, expected);
    let variables = layer(&[("FRAMEMILL_EVERY", "2s"), ("FRAMEMILL_KEYFRAMES", "true")]);
    let said = of(&none, &variables, "").unwrap_err().to_string();
    assert!(
        said.contains("environment variable FRAMEMILL_KEYFRAMES"),
        "{said}"
    );
    let file = "[extract]\nat = ['1s']\nevery_frames = 3\nevery = '1s'";
    let SettingErrors(all) = of(&none, &none, file).unwrap_err();
    assert_eq!(all.len(), 2, "{all:?}");

    // A layer above decides, and a switch that is off chooses nothing.
    let one = layer(&[("count", "5"), ("keyframes", "false")]);
    let settings = of(&one, &variables, "[extract]\nevery = '3s'").unwrap();
    assert_eq!(settings.extraction().unwrap().variables["count"], "5");
    let off = layer(&[("every", "5s"), ("keyframes", "false")]);
    let settings = of(&off, &variables, "").unwrap();
    assert_eq!(settings.extraction().unwrap().variables["every"], "5s");
}

#[test]
fn the_warehouse_is_a_table_of_its_own() {
    let read = |file: &str, environment: &[(&str, &str)]| {
        let environment = layer(environment);
        Settings::new(
            &Layer::new(),
            |name| environment.get(name).cloned(),
            Some(file),
        )
    };
    let off = read("", &[]).unwrap().warehouse;
    assert_eq!(
        (off.refresh_every, off.path.as_str(), off.bigquery),
        (None, "warehouse/", None)
    );
    let gcs = "store = 'gs://b'\nsource = 'none'\n";
    let file =
        format!("{gcs}[warehouse]\nrefresh_every = '10m'\npath = 'tables'\nbigquery = 'p.d'");
    let location = [("FRAMEMILL_WAREHOUSE_BIGQUERY_LOCATION", "EU")];
    let on = read(&file, &location).unwrap().warehouse;
    assert_eq!(
        (on.refresh_every, on.path.as_str()),
        (Some(Duration::from_secs(600)), "tables/")
    );
    let bigquery = on.bigquery.unwrap();
    assert_eq!(
        (
            bigquery.dataset.to_string().as_str(),
            bigquery.location.as_deref()
        ),
        ("p.d", Some("EU"))
    );
    for (file, words) in [
        (
            "[warehouse]\nbigquery = 'p.d'",
            "needs a bucket that BigQuery can read",
        ),
        (
            "[warehouse]\npath = 'images/tables'",
            "choose a prefix beside it",
        ),
        ("[warehouse]\npath = 'videos'", "choose a prefix beside it"),
        ("[warehouse]\npath = '/'", "is empty"),
        (
            "[warehouse]\nrefresh_every = '0s'",
            "warehouse.refresh_every",
        ),
        (
            "[warehouse]\nbigquery_location = 'EU'",
            "warehouse.bigquery is not set",
        ),
        (
            "[warehouse]\nrefreshes = '1h'",
            "choose from refresh_every, path",
        ),
        ("warehouse = 'here'", "is a table: [warehouse]"),
    ] {
        let error = read(file, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{file}: {error}");
    }
    let error = read(&format!("{gcs}[warehouse]\nbigquery = 'd'"), &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("PROJECT.DATASET"), "{error}");
}

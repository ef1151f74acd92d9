//! Loads into BigQuery: a strict fake that fails in all ways, and an emulator that reads the files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod emulator;
mod fake;

use fake::{Fake, Fault, PROJECT, TOKEN};
use framemill_objects::RetryPolicy;
use framemill_warehouse::TABLES;
use framemill_warehouse::bigquery::{Dataset, LoadJob, StoredFile};
use framemill_warehouse_host::{BigQuery, LoadError, Pace};
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap};
use std::time::Duration;

#[derive(Debug)]
struct Token(Option<&'static str>);

impl CredentialsProvider for Token {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let Some(token) = self.0 else {
            return Err(CredentialsError::from_msg(false, "metadata server is away"));
        };
        let mut data = HeaderMap::new();
        data.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let entity_tag = EntityTag::new();
        Ok(CacheableResource::New { entity_tag, data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

fn client(url: &str, token: Option<&'static str>) -> BigQuery {
    let policy = RetryPolicy {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
        deadline: Duration::from_millis(500),
    };
    let (retry, poll) = (policy, policy);
    BigQuery::at(url, Credentials::from(Token(token)), Pace { retry, poll }).unwrap()
}

fn job(generation: i64) -> LoadJob {
    let dataset = Dataset::parse(&format!("{PROJECT}.frames")).unwrap();
    let uri = "gs://b/warehouse/frames/00.parquet".to_owned();
    LoadJob::new(
        TABLES[1],
        &dataset,
        Some("EU"),
        vec![StoredFile { uri, generation }],
    )
}

#[tokio::test]
async fn a_load_is_waited_for_and_done_once() {
    let fake = Fake::start().await;
    fake.ending(3, None);
    let client = client(&fake.url, Some(TOKEN));
    let loaded = client.load(&job(1)).await.unwrap();
    assert_eq!(
        (loaded.table, loaded.rows, loaded.unchanged),
        ("frames", Some(7), false)
    );
    assert_eq!(loaded.job, job(1).id(0));
    assert_eq!(fake.with(|seen| (seen.inserts.len(), seen.lookups)), (1, 3));

    let again = client.load(&job(1)).await.unwrap();
    assert_eq!((again.unchanged, &again.job), (true, &loaded.job));
    assert_eq!(fake.with(|seen| seen.made.len()), 1);

    // Other generations of the files are another load.
    assert!(!client.load(&job(2)).await.unwrap().unchanged);
    assert_eq!(
        fake.with(|seen| seen.made.clone()),
        [job(1).id(0), job(2).id(0)]
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_and_done_once() {
    let fake = Fake::start().await;
    fake.fault(&[
        Fault::Status(500, "internalError"),
        Fault::Status(503, "backendError"),
        Fault::Status(429, "rateLimitExceeded"),
        Fault::Status(403, "rateLimitExceeded"),
        Fault::Lost(500),
    ]);
    fake.ending(2, None);
    let loaded = client(&fake.url, Some(TOKEN)).load(&job(1)).await.unwrap();
    assert_eq!(loaded.rows, Some(7));
    // The fifth made the job, and its answer was lost; the sixth found it.
    assert_eq!(
        fake.with(|seen| (seen.inserts.len(), seen.made.len())),
        (6, 1)
    );
}

#[tokio::test]
async fn what_is_refused_is_named_and_not_tried_again() {
    for (fault, words) in [
        (Fault::Status(400, "invalid"), "framemill warehouse rebuild"),
        (Fault::Status(403, "accessDenied"), "roles/bigquery.jobUser"),
        (Fault::Status(401, "authError"), "roles/bigquery.dataEditor"),
        (Fault::Status(404, "notFound"), "bq mk --dataset"),
        (Fault::Garbage, "no job as documented"),
    ] {
        let fake = Fake::start().await;
        fake.fault(&[fault]);
        let error = client(&fake.url, Some(TOKEN))
            .load(&job(1))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(fake.with(|seen| seen.inserts.len()), 1, "{error}");
    }
    let fake = Fake::start().await;
    let denied = client(&fake.url, Some("another"))
        .load(&job(1))
        .await
        .unwrap_err();
    assert!(matches!(denied, LoadError::Denied(_)), "{denied}");
}

#[tokio::test]
async fn a_job_that_failed_is_named_and_the_next_one_has_another_id() {
    let fake = Fake::start().await;
    let client = client(&fake.url, Some(TOKEN));
    for (attempt, (reason, words)) in [
        ("invalid", "nobody changed the table"),
        ("accessDenied", "roles/storage.objectViewer"),
        ("notFound", "in the bucket's location"),
        ("backendError", "tried again with the next refresh"),
    ]
    .into_iter()
    .enumerate()
    {
        fake.ending(1, Some(reason));
        let error = client.load(&job(1)).await.unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains("job ended"),
            "{error}"
        );
        assert_eq!(
            fake.with(|seen| seen.made[attempt].clone()),
            job(1).id(attempt as u32)
        );
    }
    let loaded = client.load(&job(1)).await.unwrap();
    assert_eq!(loaded.job, job(1).id(4));
}

#[tokio::test]
async fn files_that_fail_again_and_again_are_given_up() {
    let fake = Fake::start().await;
    let client = client(&fake.url, Some(TOKEN));
    for _ in 0..10 {
        fake.ending(0, Some("invalid"));
        client.load(&job(1)).await.unwrap_err();
    }
    let error = client.load(&job(1)).await.unwrap_err();
    assert!(matches!(error, LoadError::GivenUp { jobs: 10 }), "{error}");
    assert_eq!(fake.with(|seen| seen.made.len()), 10);
    client.load(&job(2)).await.unwrap();
}

#[tokio::test]
async fn what_passes_is_not_given_up() {
    let fake = Fake::start().await;
    let client = client(&fake.url, Some(TOKEN));
    for reason in [
        "backendError",
        "accessDenied",
        "notFound",
        "rateLimitExceeded",
    ]
    .repeat(4)
    {
        fake.ending(0, Some(reason));
        client.load(&job(1)).await.unwrap_err();
    }
    let loaded = client.load(&job(1)).await.unwrap();
    assert_eq!(loaded.job, job(1).id(16));
}

#[tokio::test]
async fn a_job_that_takes_long_is_found_again() {
    let fake = Fake::start().await;
    fake.ending(usize::MAX, None);
    let client = client(&fake.url, Some(TOKEN));
    for _ in 0..2 {
        let error = client.load(&job(1)).await.unwrap_err();
        assert!(
            matches!(&error, LoadError::StillRunning { job: id } if *id == job(1).id(0)),
            "{error}"
        );
    }
    assert_eq!(fake.with(|seen| seen.made.len()), 1);
}

#[tokio::test]
async fn nobody_there_and_no_credentials_have_names() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let error = client(&url, Some(TOKEN)).load(&job(1)).await.unwrap_err();
    assert!(matches!(error, LoadError::Unavailable(_)), "{error}");
    let error = client(&url, None).load(&job(1)).await.unwrap_err();
    assert!(matches!(error, LoadError::Credentials(_)), "{error}");
}

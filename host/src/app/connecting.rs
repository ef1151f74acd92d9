//! Tells a labeling system where its webhooks go.

use super::function_runtime::outbound_with;
use crate::config::{FunctionSettings, Settings};
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use framemill_contract::Secret;
use framemill_function_spec::CredentialMethod;
use framemill_runtime::OutboundClient;
use http::Method;
use serde_json::{Value, json};

/// What asks for labels: its credential may change things at the target.
const LABELING: &str = "request-labeling";
/// What reads them.
const COLLECT: &str = "collect-annotations";
/// Letters of an answer that are shown.
const SHOWN: usize = 300;

/// What became of a webhook's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// It is registered now.
    Registered,
    /// It was, and knows this secret now.
    Updated,
}

/// How a target is told of a webhook.
struct Registration {
    /// Lists the webhooks of the project.
    list: String,
    /// Takes a new one; behind it stand the numbers of those that are there.
    create: String,
    /// How addresses end.
    ending: &'static str,
    /// Key of a webhook's address.
    url_key: &'static str,
    /// What is said.
    body: Value,
}

/// Registers `url` for the webhooks of the configured project, with the secret that they prove themselves
/// with; one that is registered already gets this secret.
///
/// # Errors
/// Where the target has no such registration, or refuses it.
pub async fn connect(settings: &Settings, url: &str) -> anyhow::Result<Connected> {
    let functions = &settings.functions;
    let of = |name: &str| functions.iter().find(|it| it.function.name == name);
    let labeling = of(LABELING).context("no labels are asked for: set labeling.target")?;
    let collect =
        of(COLLECT).context("no annotations are collected: set annotations.sync_every")?;
    let secret = collect.webhook_secret()?.context(
        "webhooks have no secret to prove themselves with: set FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET or annotations.webhook_secret_file",
    )?;
    let registration = registration(labeling, url, &secret)?;
    let outbound = outbound_with(labeling, &[CredentialMethod::Patch])?;
    let there = registered(&outbound, &secret, &registration, url).await?;
    let (method, to, connected) = match there {
        Some(id) => {
            let to = format!("{}/{id}{}", registration.create, registration.ending);
            (Method::PATCH, to, Connected::Updated)
        }
        None => {
            let to = format!("{}{}", registration.create, registration.ending);
            (Method::POST, to, Connected::Registered)
        }
    };
    let body = Bytes::from(serde_json::to_vec(&registration.body)?);
    ask(&outbound, &secret, method, &to, Some(body)).await?;
    Ok(connected)
}

/// Label Studio: `POST /api/webhooks/`; it signs nothing, so the secret is a header. CVAT:
/// `POST /api/webhooks`; it signs with the secret.
fn registration(
    labeling: &FunctionSettings,
    url: &str,
    secret: &Secret,
) -> anyhow::Result<Registration> {
    let variable = |name: &str| labeling.variables.get(name).cloned().unwrap_or_default();
    let (target, project) = (variable("target"), variable("project"));
    let base = variable("target_url").trim_end_matches('/').to_owned();
    let number = || {
        project
            .parse::<u64>()
            .context("labeling.project is not a number")
    };
    let create = format!("{base}/api/webhooks");
    match target.as_str() {
        "label-studio" => Ok(Registration {
            list: format!("{create}/?project={}", number()?),
            create,
            ending: "/",
            url_key: "url",
            body: json!({
                "project": number()?,
                "url": url,
                "send_payload": true,
                "send_for_all_actions": false,
                "is_active": true,
                "headers": {"X-Framemill-Secret": secret.reveal()},
                "actions": ["ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED",
                    "ANNOTATIONS_DELETED"],
            }),
        }),
        "cvat" => Ok(Registration {
            list: format!(
                "{create}?project_id={}&target_url={}",
                number()?,
                framemill_gcs_api::encoded(url)
            ),
            create,
            ending: "",
            url_key: "target_url",
            body: json!({
                "type": "project",
                "project_id": number()?,
                "target_url": url,
                "description": "framemill",
                "content_type": "application/json",
                "secret": secret.reveal(),
                "is_active": true,
                "enable_ssl": url.starts_with("https://"),
                "events": ["update:task", "delete:task", "update:job"],
            }),
        }),
        "scale" => bail!(
            "scale is told with each task where its answers go: set labeling.callback_url = {url}"
        ),
        other => bail!("webhooks of `{other}` cannot be registered from here"),
    }
}

/// Id of the webhook that leads to `url` already.
async fn registered(
    outbound: &OutboundClient,
    secret: &Secret,
    registration: &Registration,
    url: &str,
) -> anyhow::Result<Option<u64>> {
    let answer = ask(outbound, secret, Method::GET, &registration.list, None).await?;
    let answer: Value = serde_json::from_slice(&answer).context("webhooks cannot be listed")?;
    // Pages of CVAT; a plain list of Label Studio.
    let all = answer.get("results").unwrap_or(&answer).as_array();
    let mut all = all.context("webhooks cannot be listed: not a list")?.iter();
    let found = all.find(|it| it.get(registration.url_key).and_then(Value::as_str) == Some(url));
    Ok(found.and_then(|it| it.get("id")?.as_u64()))
}

async fn ask(
    outbound: &OutboundClient,
    secret: &Secret,
    method: Method,
    url: &str,
    body: Option<Bytes>,
) -> anyhow::Result<Bytes> {
    let asked = outbound.request(method.clone(), url, body).await;
    let (status, answer) = asked.with_context(|| format!("{method} {url}"))?;
    // What it complains about may be what it was sent.
    let said = String::from_utf8_lossy(&answer).replace(secret.reveal(), "…");
    let said: String = said.chars().take(SHOWN).collect();
    ensure!(
        (200..300).contains(&status),
        "{method} {url} was answered {status}: {said}"
    );
    Ok(answer)
}

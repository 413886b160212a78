//! What a page learns about its visitor, and what it may not ask of them.

use chromiumoxide::{
    Page,
    cdp::browser_protocol::{
        browser::BrowserContextId,
        emulation::{SetLocaleOverrideParams, SetTimezoneOverrideParams, SetUserAgentOverrideParams},
    },
    types::{Command, Method, MethodId},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

use crate::{Config, PageError, instance::Instance};

const CALL: Duration = Duration::from_secs(5);

/// Denies every permission in a context: granting an empty list rejects all others.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DenyPermissions {
    permissions: [String; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    browser_context_id: Option<BrowserContextId>,
}

impl DenyPermissions {
    pub(crate) fn within(browser_context_id: Option<BrowserContextId>) -> Self {
        Self { permissions: [], browser_context_id }
    }
}

/// An answer without content.
#[derive(Debug, Deserialize)]
pub(crate) struct Nothing {}

impl Method for DenyPermissions {
    fn identifier(&self) -> MethodId {
        "Browser.grantPermissions".into()
    }
}

impl Command for DenyPermissions {
    type Response = Nothing;
}

/// Sets language, time zone and user agent of a blank page, as far as they are configured.
pub(crate) async fn put_on(instance: &Arc<Instance>, page: &Page, config: &Config) -> Result<(), PageError> {
    if let Some(locale) = &config.locale {
        let language = locale.split(['-', '_']).next().unwrap_or(locale);
        let accepted = if language == locale { locale.clone() } else { format!("{locale},{language}") };
        let agent = config.user_agent.as_ref().unwrap_or(&instance.agent);
        let agent = SetUserAgentOverrideParams::builder().user_agent(agent).accept_language(accepted);
        instance.call(CALL, page.execute(agent.build().map_err(PageError::Crashed)?)).await?;
        let locale = SetLocaleOverrideParams { locale: Some(locale.replace('-', "_")) };
        instance.call(CALL, page.execute(locale)).await?;
    }
    if let Some(zone) = &config.timezone {
        instance.call(CALL, page.execute(SetTimezoneOverrideParams::new(zone))).await?;
    }
    Ok(())
}

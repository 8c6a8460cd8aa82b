//! The merged description of the HTTP interface: platform, gateway and assistant as one.

use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

/// All routes, sorted by path.
pub fn merged() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Ally")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("A personal assistant that acts, in a private space of your own."))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    let mut merged = OpenApiBuilder::new().info(info).build();
    for part in [ally_platform::openapi(), ally_gateway::openapi(), ally_assistant::openapi()] {
        merged.merge(part);
    }
    merged
}

/// The description as JSON, the same bytes for the same routes.
pub fn json() -> String {
    let mut text = merged().to_pretty_json().expect("a description of plain values always serialises");
    text.push('\n');
    text
}

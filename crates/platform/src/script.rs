//! The same questions as a shell script, to be read before it is run on another machine.

use std::fmt::Write as _;

use crate::documents::{Kind, Place};
use crate::folder::{FILES_FORM, MANIFEST};
use crate::questions::{PASSWORD_FITS, Question, given, questions_of};
use pullwhy_catalogue::shell_word;

/// What a variable of the script is asked for with, before the first question that needs it.
const VARIABLES: &[(&str, &str)] = &[
    (
        "sidecars",
        r#"$(az webapp config show @APP@ --query "linuxFxVersion=='SITECONTAINERS' && 'yes' || ''" -o tsv)"#,
    ),
    ("app_id", r"$(az webapp show @APP@ --query id -o tsv)"),
    (
        "registry",
        r#"$(az webapp config show @APP@ --query "linuxFxVersion || windowsFxVersion" -o tsv)
if [ "$REGISTRY" = SITECONTAINERS ]; then
  REGISTRY=$(az webapp sitecontainers list @APP@ --query "[?isMain].image | [0]" -o tsv)
fi
REGISTRY=$(printf '%s\n' "$REGISTRY" | sed -n 's/^DOCKER|//; s/^\([A-Za-z0-9]*\)\.azurecr\.[a-z]*\/.*/\1/p')"#,
    ),
    (
        "acr_id",
        r#"$([ -z "$REGISTRY" ] || az acr show -n "$REGISTRY" --query id -o tsv)"#,
    ),
    (
        "vnet_id",
        r"$(az webapp show @APP@ --query virtualNetworkSubnetId -o tsv | sed 's/\/subnets\/.*//')",
    ),
    (
        "endpoint_id",
        r#"$([ -z "$REGISTRY" ] || az acr show -n "$REGISTRY" --query "privateEndpointConnections[0].privateEndpoint.id" -o tsv)"#,
    ),
    (
        "zone_group",
        r#"$([ -z "$ENDPOINT_ID" ] || az network private-dns zone list --query "[?name=='privatelink.azurecr.io'].resourceGroup | [0]" -o tsv)"#,
    ),
    (
        "service_principal",
        r#"$(az webapp config appsettings list @APP@ --query "[?name=='DOCKER_REGISTRY_SERVER_USERNAME'].value | [0]" -o tsv | grep -E '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$')"#,
    ),
    (
        "admin",
        r#"$([ -z "$REGISTRY" ] || az acr show -n "$REGISTRY" --query "adminUserEnabled && 'yes' || ''" -o tsv)"#,
    ),
];

/// Of other kinds than an app; what is not here is asked as for an app.
const OF_KIND: &[(Kind, &str, &str)] = &[
    (
        Kind::Aks,
        "vnet_id",
        r#"$(az aks show @APP@ --query "agentPoolProfiles[0].vnetSubnetId" -o tsv | sed 's/\/subnets\/.*//')"#,
    ),
    (
        Kind::Aks,
        "outbound_id",
        r#"$(az aks show @APP@ --query "networkProfile.loadBalancerProfile.effectiveOutboundIPs[0].id" -o tsv)"#,
    ),
    (
        Kind::Aks,
        "service_principal",
        r"$(az aks show @APP@ --query servicePrincipalProfile.clientId -o tsv | grep -E '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$')",
    ),
    (
        Kind::Aks,
        "registry",
        r#""" # no image or registry was named"#,
    ),
    (
        Kind::Aci,
        "registry",
        r#"$(az container show @APP@ --query "containers[0].image" -o tsv | sed -n 's/^\([A-Za-z0-9]*\)\.azurecr\.[a-z]*\/.*/\1/p')"#,
    ),
    (
        Kind::Aci,
        "vnet_id",
        r#""" # pulls do not leave by the group's subnet"#,
    ),
    (
        Kind::Aci,
        "service_principal",
        r#"$(az container show @APP@ --query "imageRegistryCredentials[0].username" -o tsv | grep -E '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$')"#,
    ),
    (
        Kind::ContainerApp,
        "registry",
        r#"$(az containerapp show @APP@ --query "properties.template.containers[0].image" -o tsv | sed -n 's/^\([A-Za-z0-9]*\)\.azurecr\.[a-z]*\/.*/\1/p')"#,
    ),
    (
        Kind::ContainerApp,
        "environment_id",
        r#"$(az containerapp show @APP@ --query "properties.environmentId || properties.managedEnvironmentId" -o tsv)"#,
    ),
    (
        Kind::ContainerApp,
        "vnet_id",
        r#"$([ -z "$ENVIRONMENT_ID" ] || az containerapp env show --ids "$ENVIRONMENT_ID" --query properties.vnetConfiguration.infrastructureSubnetId -o tsv | sed 's/\/subnets\/.*//')"#,
    ),
    (
        Kind::ContainerApp,
        "service_principal",
        r#"$(az containerapp show @APP@ --query "properties.configuration.registries[0].username" -o tsv | grep -E '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$')"#,
    ),
];

/// What a variable is asked for with.
fn asks(kind: Kind, name: &str) -> Option<(&'static str, &'static str)> {
    let own = OF_KIND
        .iter()
        .find(|(of, own, _)| *of == kind && *own == name);
    own.map(|(_, name, asks)| (*name, *asks))
        .or_else(|| VARIABLES.iter().find(|(own, _)| *own == name).copied())
}

/// The script. `logs`: also fetches the app's logs.
pub fn script(place: &Place, folder: &str, logs: bool) -> String {
    let names = given(place);
    let slot = place.slot.as_ref().map_or(String::new(), |slot| {
        format!(" --slot {}", shell_word(slot))
    });
    let app = format!(
        "-g {} -n {}{slot}",
        shell_word(&place.group),
        shell_word(&place.app)
    );
    let mut out = format!(
        "#!/bin/sh\n\
         # Collects the settings that a pull of {what} hangs on, for\n\
         # `pullwhy azure --facts FOLDER`. Run it where `az` is installed and logged in, for example in\n\
         # Azure Cloud Shell:\n\
         #   sh collect.sh\n\
         #\n\
         # Every command only reads. No password is written: of the app's settings only those named\n\
         # below are kept, and of its password only whether it is set. The files hold names of\n\
         # resources, addresses, ids of identities and the registry's user name.\n\
         set -u\n\
         DIR=${{1:-{folder}}}\n\
         umask 077\n\
         mkdir -p \"$DIR\" || exit 2\n\
         \n\
         # ask NAME ARGUMENTS: the answer of `az` goes to NAME.json, an error to NAME.error.txt.\n\
         ask() {{\n  \
           name=$1; shift\n  \
           echo \"az $1 $2 ... > $name.json\" >&2\n  \
           if az \"$@\" --output json --only-show-errors > \"$DIR/$name.json\" 2> \"$DIR/$name.error.txt\"; then\n    \
             rm -f \"$DIR/$name.error.txt\"\n  \
           else\n    \
             rm -f \"$DIR/$name.json\"\n  \
           fi\n\
         }}\n\
         \n\
         az account show --output none || {{ echo 'log in first: az login' >&2; exit 2; }}\n",
        what = shell_word(&place.app),
        folder = shell_word(folder),
    );
    let json = |text: &Option<String>| {
        text.as_ref().map_or("null".to_owned(), |t| {
            serde_json::Value::from(t.as_str()).to_string()
        })
    };
    let manifest = format!(
        "{{\"form\":\"{FILES_FORM}\",\"kind\":\"{}\",\"app\":{},\"resourceGroup\":{},\"slot\":{},\"image\":{},\"registry\":{},\"at\":\"%s\"}}\\n",
        place.kind.word(),
        json(&Some(place.app.clone())),
        json(&Some(place.group.clone())),
        json(&place.slot),
        json(&place.image),
        json(&place.registry),
    );
    let _ = writeln!(
        out,
        "printf {} \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" > \"$DIR/{MANIFEST}\"",
        shell_word(&manifest)
    );
    let mut defined: Vec<&str> = Vec::new();
    for question in questions_of(place.kind) {
        for need in question.needs {
            let known = names.contains_key(need) || defined.contains(need);
            if let Some((name, asks)) = asks(place.kind, need).filter(|_| !known) {
                let asks = asks.replace("@APP@", &app);
                let asks = match names.get("registry") {
                    Some(registry) => asks.replace("\"$REGISTRY\"", &shell_word(registry)),
                    None => asks,
                };
                let _ = writeln!(out, "\n{}={asks}", name.to_uppercase());
                defined.push(name);
            }
        }
        put(&mut out, question, &names);
    }
    if logs && place.kind == Kind::App {
        let _ = write!(
            out,
            "\n# The app's logs, as Kudu has them; they may hold what the app prints.\n\
             if az webapp log download {app} --log-file \"$DIR/logs.zip\" --only-show-errors 2> \"$DIR/logs.error.txt\"; then\n  \
               rm -f \"$DIR/logs.error.txt\"\n\
             else\n  \
               rm -f \"$DIR/logs.zip\"\n  \
               echo 'the logs could not be fetched: see logs.error.txt' >&2\n\
             fi\n"
        );
    }
    out.push_str(
        "\necho \"done: copy the folder $DIR, then run: pullwhy azure --facts $DIR\" >&2\n",
    );
    out
}

fn put(
    out: &mut String,
    question: &Question,
    names: &std::collections::BTreeMap<&'static str, String>,
) {
    let _ = writeln!(out, "\n# {}", question.tells);
    let asked: Vec<String> = question
        .needs
        .iter()
        .filter(|need| !names.contains_key(*need))
        .map(|need| format!("[ -n \"${}\" ]", need.to_uppercase()))
        .collect();
    let guard = if asked.is_empty() {
        String::new()
    } else {
        format!("{} && ", asked.join(" && "))
    };
    if question.name == PASSWORD_FITS {
        let registry = names
            .get("registry")
            .map_or("\"$REGISTRY\"".to_owned(), |r| shell_word(r).into_owned());
        // Compared in the shell: `az` has no command for it.
        let _ = write!(
            out,
            "# The comparison is made here and only here; neither password is written or shown.\n\
             {guard}{{\n  \
               err=\"$DIR/{PASSWORD_FITS}.error.txt\"; fits=\n  \
               if mine=$(az rest --method post --url \"$APP_ID/config/appsettings/list?api-version=2024-11-01\" \\\n    \
                   --query properties.DOCKER_REGISTRY_SERVER_PASSWORD -o tsv --only-show-errors 2> \"$err\") &&\n     \
                 theirs=$(az acr credential show -n {registry} --query \"passwords[].value\" -o tsv --only-show-errors 2> \"$err\"); then\n    \
                 rm -f \"$err\"\n    \
                 case \"$mine\" in '@Microsoft.KeyVault('*) mine= ;; esac\n    \
                 if [ -n \"$mine\" ] && [ -n \"$theirs\" ]; then\n      \
                   case \"\n$theirs\n\" in *\"\n$mine\n\"*) fits=yes ;; *) fits=no ;; esac\n    \
                 fi\n    \
                 case \"$fits\" in '') echo '{{}}' ;; *) echo \"{{\\\"fits\\\":\\\"$fits\\\"}}\" ;; esac > \"$DIR/{PASSWORD_FITS}.json\"\n  \
               else\n    \
                 rm -f \"$DIR/{PASSWORD_FITS}.json\"\n  \
               fi\n  \
               unset mine theirs\n\
             }}\n"
        );
        return;
    }
    let line = question.line(names);
    let _ = writeln!(out, "{guard}ask {} {line}", question.name);
}

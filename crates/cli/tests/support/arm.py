"""A stand-in for Azure Resource Manager and its sign-in, on loopback, for one test.

Answers are the documents of a folder of facts. Arguments: that folder, a certificate, a key, a file for
the port. It ends when its standard input does.
"""

import base64
import http.server
import json
import os
import re
import ssl
import sys
import threading
import urllib.parse

facts, certificate, key, port_file = sys.argv[1:5]
TENANT = "00000000-0000-0000-0000-0000000000bb"
SUB = "00000000-0000-0000-0000-0000000000aa"


def load(name):
    try:
        with open(os.path.join(facts, name + ".json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def token():
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"tid": TENANT, "oid": "00000000-0000-0000-0000-0000000000dd", "exp": 4102444800, "aud": "x", "iss": "x"}
    return part({"alg": "none", "typ": "JWT"}) + "." + part(claims) + "."


def as_arm(flat, *, top=("id", "name", "type", "location", "kind", "identity", "sku", "tags")):
    """What `az` flattened, as the API nests it."""
    outer = {k: v for k, v in flat.items() if k in top}
    outer["properties"] = {k: v for k, v in flat.items() if k not in top}
    outer.setdefault("location", "westeurope")
    return outer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def send(self, value, status=200):
        self.raw(json.dumps(value).encode(), "application/json", status)

    def raw(self, body, kind, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer("POST")

    def do_GET(self):
        self.answer("GET")

    def answer(self, method):
        base = f"https://localhost:{self.server.server_port}"
        path = urllib.parse.unquote(self.path.split("?")[0])
        low = path.lower()
        sys.stderr.write(f"{method} {self.path}\n")
        if low == "/metadata/endpoints":
            return self.send(metadata(base))
        if low.endswith("/.well-known/openid-configuration"):
            return self.send(
                {
                    "issuer": f"{base}/{TENANT}/v2.0",
                    "authorization_endpoint": f"{base}/{TENANT}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/{TENANT}/oauth2/v2.0/token",
                }
            )
        if low.endswith("/publishxml"):
            return self.raw(b'<publishData><publishProfile publishMethod="FTP" publishUrl="ftp://localhost"/></publishData>', "application/xml")
        if low.endswith("/oauth2/v2.0/token"):
            return self.send({"token_type": "Bearer", "expires_in": 3600, "access_token": token()})
        if low == "/subscriptions":
            return self.send(
                {"value": [{"id": f"/subscriptions/{SUB}", "subscriptionId": SUB, "tenantId": TENANT, "displayName": "test", "state": "Enabled"}]}
            )
        found = arm(low, path)
        if found is None:
            return self.send({"error": {"code": "ResourceNotFound", "message": f"nothing at {path}"}}, 404)
        self.send(found)


def metadata(base):
    return {
        "name": "FakeCloud",
        "portal": base,
        "authentication": {"loginEndpoint": base, "audiences": [base], "tenant": "common", "identityProvider": "AAD"},
        "graph": base,
        "graphAudience": base,
        "microsoftGraphResourceId": base,
        "resourceManager": base,
        "activeDirectoryDataLake": base,
        "batch": base,
        "media": base,
        "sqlManagement": base,
        "gallery": base,
        "suffixes": {"acrLoginServer": "azurecr.io", "storage": "core.windows.net", "keyVaultDns": "vault.azure.net", "sqlServerHostname": "database.windows.net"},
    }


def arm(low, path):
    if "/providers/microsoft.authorization/roleassignments" in low:
        return {"value": [as_arm(dict(r, id=f"/r/{i}", name=str(i)), top=("id", "name", "type")) for i, r in enumerate(load("roles") or [])]}
    if "/providers/microsoft.authorization/roledefinitions" in low:
        names = {r["roleDefinitionId"]: r["roleDefinitionName"] for r in load("roles") or []}
        return {"value": [{"id": k, "name": k.rsplit("/", 1)[1], "properties": {"roleName": v}} for k, v in names.items()]}
    if low.endswith("/resources"):
        acr = load("acr")
        return {"value": [{"id": acr["id"], "name": acr["name"], "type": "Microsoft.ContainerRegistry/registries", "location": "westeurope"}]}
    if "/registries/" in low:
        return as_arm(load("acr"))
    if re.search(r"/sites/[^/]+$", low):
        site = as_arm(load("webapp"))
        site["properties"].update(sku="PremiumV3", serverFarmId="/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Web/serverfarms/plan")
        return site
    if "/serverfarms/" in low:
        return {"id": path, "name": "plan", "location": "westeurope", "properties": {}}
    if low.endswith("/config/web"):
        return as_arm(dict(load("config"), id=path, name="app"))
    if low.endswith("/config/appsettings/list"):
        return {"name": "appsettings", "properties": {s["name"]: s["value"] for s in load("appsettings")}}
    if low.endswith("/config/slotconfignames"):
        return {"name": "slotConfigNames", "properties": {}}
    if low.endswith("/configreferences/appsettings"):
        return {"value": []}
    if low.endswith("/virtualnetworkconnections"):
        return []
    if "/managedclusters/" in low:
        return as_arm(load("aks"))
    if "/publicipaddresses/" in low:
        return as_arm(load("outbound"))
    if "/containergroups/" in low:
        group = as_arm(load("container"))
        inner = group["properties"]["containers"]
        group["properties"]["containers"] = [as_arm(c, top=("name",)) for c in inner]
        return group
    if "/containerapps/" in low:
        app = load("containerapp")
        nested = {
            "configuration": {"registries": app.pop("registries"), "secrets": app.pop("secrets")},
            "template": {"containers": app.pop("containers")},
        }
        return as_arm(dict(app, type="Microsoft.App/containerApps", **nested))
    if "/managedenvironments/" in low:
        return as_arm(load("environment"))
    return None


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(port_file, "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
sys.stdin.read()

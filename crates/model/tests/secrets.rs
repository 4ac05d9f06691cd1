//! What is a secret, and what is only the text of an error about one.

use pullwhy_model::text::{safe_excerpt, scrub};

/// Texts, each with `‹` and `›` around what must go.
const SECRETS: &[&str] = &[
    // Arguments of commands.
    "docker login -u bob -p ‹PW› r.example",
    "docker login -u bob -p‹hunter2› r.example",
    "docker login -u bob -p=‹hunter2› r.example",
    "podman login -p '‹my pw›' r.example",
    "skopeo login -p ‹hunter› r.example",
    "crane auth login r.example -u bob -p ‹hunter›",
    "[\"docker\", \"login\", \"-p\", \"‹hunter›\"]",
    "docker login --password ‹hunter2› r.example",
    "docker login --password=‹hunter2› r.example",
    "skopeo copy --src-creds ‹u:pw› docker://a/b dir:x",
    "skopeo copy --dest-creds=‹u:pw› docker://a/b dir:x",
    "podman pull --creds=‹u:pw› r.example/a",
    "crictl pull --creds ‹u:pw› r.example/a",
    "kubectl create secret docker-registry r --docker-password ‹hunter› -n x",
    "curl -u ‹bob:hunter› https://r.example/v2/",
    "curl -sS --user '‹bob:hunter›' https://r.example/v2/",
    "ctr images pull -u ‹bob:hunter› r.example/a:1",
    // JSON, YAML, XML, Python, Go.
    "{\"auth\":\"‹dXNlcjpwdw==›\"}",
    "{\"auth\" : \"‹dXNlcjpwdw==›\"}",
    "body=\"{\\\"auth\\\":\\\"‹dXNlcjpwdw==›\\\"}\" x",
    "body=\"{\\\\\\\"token\\\\\\\":\\\\\\\"‹abc›\\\\\\\"}\" x",
    "{\\u0022password\\u0022:\\u0022‹abc›\\u0022}",
    "{\"client_secret\":\"‹abc def›\",\"a\":1}",
    "{\"ServerURL\":\"https://r.example\",\"Username\":\"bob\",\"Secret\":\"‹hunter›\"}",
    "{\"identitytoken\":\"‹abc›\"}",
    "{\"password\":\"‹a\\\"b›\",\"user\":\"x\"}",
    "{\"password\":\"‹a\\\\›\",\"user\":\"x\"}",
    "{\"name\": \"DB_PASSWORD\", \"slotSetting\": false, \"value\": \"‹hunter›\"}",
    "{\"passwords\":[{\"name\":\"password2\",\"value\":\"‹hunter›\"}]}",
    ".dockerconfigjson: ‹eyJhdXRocyI6e319›",
    ".dockerconfigjson: ‹ABCDauRocyI6e319›",
    "{'password': '‹x›'}",
    "password: ‹correct›",
    "  password:   ‹hunter2›",
    "DB password: ‹Hunter22›",
    "<Password>‹x›</Password>",
    "{Username:bob Password:‹hunter› Auth:}",
    "token:\"‹abc›\"",
    // Headers.
    "Authorization: Bearer ‹abc›",
    "Authorization=Bearer ‹x›",
    "Authorization: token ‹x›",
    "authorization: Basic ‹dTpw›",
    "-H 'Authorization: Bearer ‹abc›' https://r.example",
    "map[Accept:[*/*] Authorization:[Bearer ‹x›] User-Agent:[docker]]",
    "headers [Basic ‹dTpw›] sent",
    "sent Bearer ‹abcdefghijklmnop1234567890›",
    "Cookie: ‹session=abc; b=c›",
    "Set-Cookie: ‹session=abc; Path=/›",
    "map[Cookie:[‹a=b; c=d›] X:[y]]",
    "x-api-key: ‹abc›",
    "X-Registry-Auth: ‹abc›",
    "X-Registry-Auth: ‹eyJ1c2VybmFtZSI6ImJvYiJ9›",
    "PRIVATE-TOKEN: ‹abc›",
    "Authorization: Digest ‹username=bob, response=abc›",
    // URLs.
    "Get \"https://‹u:pw›@r.example/v2/\": EOF",
    "https://‹u:pa/ss›@host",
    "https://‹u:pa/ss›@host.example/v2/",
    "https://‹u:p?a#s@s›@host.example/v2/",
    "https://‹u:p@ss/word›@host.example/v2/",
    "https:\\/\\/‹u:pw›@host.example\\/v2",
    "http://‹token12345›@host.example/v2",
    "docker://‹bob:pw›@r.example/a:1",
    "HTTPS_PROXY=‹u:p›@host:3128",
    "\"httpsProxy\":\"‹u:p@ss›@host:3128\"",
    "GET https://x/token?scope=repository%3Aa&sig=‹abc%3D›&service=r: 401",
    "GET https://x/b?se=2024&X-Amz-Signature=‹abc›&X-Amz-Credential=‹AKIA/x›\": EOF",
    "https://x/b?sv=2020\\u0026sig=‹abc›\\u0026se=2024\"",
    "sig=‹abc%2Fdef%3D›",
    "url=https%3A%2F%2Fx%2Fb%3Fsv%3D1%26sig%3D‹abc›%26se%3D2",
    // Environments and connection strings.
    "AWS_SECRET_ACCESS_KEY=‹wJalr/XUtn+FEMI›",
    "NPM_TOKEN=‹x›",
    "GITHUB_TOKEN=‹x›",
    "CI_JOB_TOKEN=‹x›",
    "TOKEN=‹x›",
    "AZURE_STORAGE_KEY=‹abc==›",
    "Endpoint=sb://x;SharedAccessKeyName=root;SharedAccessKey=‹abc=›",
    "AccountName=x;AccountKey=‹abc==;EndpointSuffix=core.windows.net›",
    "//registry.npmjs.org/:_authToken=‹abc›",
    "apiKey=‹x› accessToken = ‹y›",
    "NPM_TOKEN: ‹abc›",
    "DOCKER_PASS=‹hunter›",
    // Values in one piece.
    "password=\"‹my secret pw›\" user=x",
    "msg=\"login password=\\\"‹my secret pw›\\\" failed\"",
    "Password=‹p@ss;word1› next",
    "password=‹a&b› next",
    "password=‹it's›, then",
    "password=\"‹cut off",
    // Shapes.
    "token ‹ya29.a0AfH6SMBx1234567890›",
    "token ‹npm_abcdefghijklmnopqrstuvwxyz0123456789›",
    "token ‹ghp_abcdefghijklmnopqrstuvwxyz0123›",
    "token ‹github_pat_11ABCDEFG0abcdefghijkl›",
    "token ‹glpat-abcdefghij0123456789›",
    "token ‹dckr_pat_abcdefghij0123456789›",
    "id ‹AKIAIOSFODNN7EXAMPLE› used",
    "id ‹ASIAIOSFODNN7EXAMPLE› used",
    "jwt ‹eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln›: expired",
    "-----BEGIN RSA PRIVATE KEY-----‹ MIIEow IBAAK ›-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----‹\\nMIIEow",
    "invalid token: ‹abCDef123456›",
    // Given to a login.
    "echo ‹hunter› | docker login -u bob --password-stdin r.example",
    "+ echo -n \"‹my pw›\" | podman login --password-stdin r.example",
    "printf '%s' '‹hunter›' | docker login r.example --password-stdin",
    "docker login -u bob --password-stdin <<< \"‹hunter›\"",
    "sshpass -p ‹hunter› ssh -p 22 bob@r.example",
    "sshpass -p‹hunter› scp a b",
    "docker build --secret id=x,value=‹hunter› .",
    "ConvertTo-SecureString \"‹hunter›\" -AsPlainText -Force",
    "ConvertTo-SecureString -String '‹hunter›' -AsPlainText",
    "ENV API_KEY ‹hunter›",
    "Step 3/5 : ENV NPM_TOKEN ‹hunter›",
    // More keys.
    "x-registry-config: ‹hunter›",
    "X-Registry-Config: ‹e30=›",
    "sent bearer ‹Zq9xW2pL›",
    "bearer ‹abcdefghijklmnopqrstuvwx› was refused",
    "IDENTITY_HEADER=‹hunter›",
    "X-IDENTITY-HEADER: ‹hunter›",
    "grant_type=x&client_assertion=‹hunter›",
    "client_assertion=‹hunter› next",
    "jwt=‹hunter›",
    "sas=‹hunter›",
    "session_key=‹hunter›",
    "cred=‹hunter›",
    "sharedKey ‹Zq9xW2pL›",
    "Authorization: SharedKey ‹bob:aGVsbG8=›",
    "SecretText=‹hunter›",
    "APPINSIGHTS_INSTRUMENTATIONKEY=‹0a1b2c3d-0000-1111-2222-333344445555›",
    "code=‹0.AXoA-hunter›&state=1",
    "body grant_type=authorization_code&code=‹Zq9xW2pL›&redirect_uri=x",
    // In sentences.
    "the password is ‹hunter2›",
    "the password is ‹hunter!x›, they said",
    "password \"‹hunter›\" rejected",
    "msg=\"password \\\"‹hunter›\\\" rejected\"",
    "password -> ‹hunter›",
    "logging in with username a, password ‹hunter›",
    "username a, password ‹hunter2› failed",
    "user bob and password ‹hunter2› failed",
    "login with password ‹Hunter22!› failed",
    "token ‹Zq9xW2pL8v› is invalid",
    // Lists of variables: Go's, Docker's, YAML's.
    "Env:[]EnvVar{EnvVar{Name:DB_PASSWORD,Value:‹SuperSecret99›,ValueFrom:nil,},},}",
    "EnvVar{Name:DB_PASSWORD,Value:‹Super, secret }99›,ValueFrom:nil,},",
    "EnvVar{Name:A,Value:b,ValueFrom:nil,},EnvVar{Name:X_TOKEN,Value:‹hunter›,ValueFrom:nil,},",
    "&EnvVar{Name:X_TOKEN,Value:‹hunter›,},",
    "- name: X_TOKEN value: ‹hunter›",
    "- name: X_TOKEN\n  value: ‹hunter›\n- name: A\n  value: b",
    "- name: X_TOKEN\n  value: \"‹hunter two›\"",
    "{\"name\": \"X_TOKEN\",\n \"value\": \"‹hunter›\"}",
    "Env:[A_PASSWORD=‹hunter› PATH=/bin]",
    "Env:[A_PASSWORD=‹hunter two› PATH=/bin]",
    "Env:[PATH=/bin A_PASSWORD=‹hunter›] Cmd:[x]",
    // A user before a host, without scheme.
    "docker pull ‹bob:hunter›@r.example/a:1",
    "pull \"‹bob:hunter2›@r.example:5000/a\"",
    "docker pull ‹robot$ci:hunter›@r.example/team/a@sha256:0123456789abcdef",
    // Clients of databases.
    "mysql -uroot -p‹hunter› db",
    "mysqldump -h db -u root -p‹Passw0rd› shop",
    "redis-cli -h db -a ‹hunter› ping",
    "docker login -p '‹hun ter›' r.example",
    "podman login --password ‹hunter› r.example",
    "skopeo login --password '‹hun ter›' r.example",
    "helm registry login -p '‹hun ter›' r.example",
    "helm registry login r.example --password ‹hunter›",
    // Tokens of known shapes.
    "was ‹hf_abcdefghijklmnopqrstuvwxyzABCDEFGH› used",
    "was ‹sk-proj-abcdefghijklmnopqrstuvwxyz1234› used",
    "was ‹sk-ant-api03-abcdefghijklmnopqrstuvwxyz› used",
    "was ‹sk_live_abcdefghij1234567890› used",
    "was ‹pypi-AgEIcHlwaS5vcmcabcdef› used",
    "was ‹dop_v1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa› used",
    "was ‹SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyzABCDEFGH012345678› used",
    "was ‹xoxa-123456789012-abcdefghijkl› used",
    "was ‹xoxs-123456789012-abcdefghijkl› used",
    "was ‹AKCp8abcdefghijklmnopqrstuvwxyz0123456789› used",
    "was ‹ATATT3xFfGF0abcdefghijklmnop› used",
    "was ‹hvb.AAAAAQabcdefghijklmnopqrstu› used",
    "was ‹GOCSPX-abcdefghijklmnopqrstuvwx› used",
    "aws ‹AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY› used",
    "aws ‹AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY›",
    "token ‹abcdefghijklmnopqrstuvwxyz› is invalid",
    "token ‹0a1b2c3d4e5f60718293›: expired",
];

/// What errors say, and what must stay as it is.
const ERRORS: &[&str] = &[
    "unauthorized: incorrect username or password",
    "unauthorized: authentication required",
    "no basic auth credentials",
    "basic auth credentials",
    "failed to fetch oauth token: unexpected status: 401",
    "failed to fetch oauth token: unexpected status from GET request to https://r.example/token?scope=repository%3Aa%3Apull&service=r.example: 401 Unauthorized",
    "failed to fetch anonymous token: Get \"https://auth.docker.io/token?scope=repository%3Alibrary%2Fnginx%3Apull&service=registry.docker.io\": EOF",
    "Requesting bearer token: invalid status code from registry 401 (Unauthorized)",
    "Requesting bearer token: received unexpected HTTP status: 405 METHOD NOT ALLOWED",
    "unable to retrieve auth token: invalid username/password: unauthorized: Please login",
    "invalid token: x",
    "invalid token: x509: certificate signed by unknown authority",
    "token: unauthorized",
    "token: HTTP/1.1 401",
    "error getting credentials - err: exit status 1",
    "getting username and password: 1 error occurred",
    "getting username and password: unauthorized",
    "looking up credentials: reading JSON file \"/root/.docker/config.json\"",
    "get credentials: failed to refresh cached credentials, no EC2 IMDS role found",
    "failed to get authorization token: operation error ECR: GetAuthorizationToken",
    "client secret has expired",
    "access token has insufficient scopes",
    "may require authorization: server message: insufficient_scope: authorization failed",
    "authorization: token is expired",
    "authorization: token service is down",
    "authorization: Basic auth is required",
    "error=invalid_token: expired",
    "Get \"https://auth.docker.io/token?scope=repository%3Alibrary%2Fnginx%3Apull&service=registry.docker.io\"",
    "https://r.example/token?account=bob&client_id=docker&offline_token=true&service=r",
    "Www-Authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"",
    "Www-Authenticate:[Basic realm=\"r.example\"]",
    "imagePullSecrets: regcred",
    "imagePullSecrets:[{name: regcred}]",
    "imagePullSecret=regcred",
    "secret \"regcred\" not found",
    "secret: regcred-2 not found",
    "secret=\"default/regcred\" err=\"not found\"",
    "Secret: kube-system/regcred",
    "password: the daemon said",
    "key not found",
    "public key",
    "cache key: sha256:abc",
    "error: key: x",
    "failed to load private key: open /run/tls.key: no such file",
    "WARNING! Using --password via the CLI is insecure. Use --password-stdin.",
    "-p, --password string   Password or Personal Access Token (PAT)",
    "docker run -p 8080:80 -u 1000:1000 nginx",
    "docker login r.example && docker run -p 8080:80 nginx",
    "docker buildx build --secret id=npmrc,src=/run/x .",
    "docker://nginx@sha256:0123456789abcdef",
    "docker://nginx@latest",
    "docker://nginx:1.2@sha256:0123456789abcdef",
    "docker://r.example:5000/a/b@sha256:0123456789abcdef",
    "https://r.example:5000/a/b:1@sha256:0123456789abcdef",
    "docker://r.example:5000/a/b:1: manifest unknown",
    "ssh://git@github.com/a/b",
    "Failed to pull image \"r.example/team/auth:1.2\": not found",
    "Failed to pull image \"r.example/api-token:v1.2.3-abc1234\": not found",
    "Failed to pull image \"token:latest\": not found",
    "lookup auth: no such host",
    "dial tcp: lookup auth.docker.io: no such host",
    "automountServiceAccountToken: true require_auth=false",
    "token=null password=\"\" user=bob",
    "REGISTRY_AUTH_FILE=/run/auth.json TOKEN_FILE=/x",
    "HTTPS_PROXY=http://proxy.example:3128",
    "npm_config_registry_of_the_company_is_set",
    "verify signature: no signatures found",
    "a\\b: c & d = e ? f",
    "sha256:0123456789abcdef0123456789abcdef",
    "--- PASS: TestX",
    "--- PASS: TestLogin2 (0.01s)",
    "PASS: TestLogin2",
    "pass 2 of 3: pushing layer2abc",
    "the password is incorrect",
    "password is required",
    "your password is expired!",
    "the password is not set",
    "password is InvalidOperation",
    "password \"is required\"",
    "password authentication failed for user \"bob\"",
    "for user bob, password authentication failed",
    "for user bob, password mismatch",
    "username and password required",
    "wrong username or password for https://r.example/v2/",
    "password OAuth2 flow is not supported",
    "secret is base64-encoded",
    "secret regcred-2 not found",
    "secret \"regcred-20240101\" not found",
    "token is invalid",
    "token expired at 2024-01-01T00:00:00Z",
    "token 2024-01-01T00:00:00Z is too old",
    "token https://auth.docker.io/token refused",
    "token UsernamePasswordCredential is unavailable",
    "credential ManagedIdentityCredential authentication unavailable",
    "bearer token is missing",
    "Requesting bearer authentication",
    "Bearer realm=\"https://auth.docker.io/token\"",
    "Bearer service=\"r.example\",scope=\"repository:a:pull\"",
    "error getting credentials: docker-credential-ecr-login not found",
    "credential docker-credential-ecr-login-v2 not found",
    "access key is disabled",
    "exit code=1 state=failed",
    "code=Unknown desc=failed to pull",
    "echo done | tee log",
    "echo $CR_PAT | docker login ghcr.io -u bob --password-stdin",
    "echo \"${CR_PAT}\" | docker login ghcr.io -u bob --password-stdin",
    "echo *** | docker login ghcr.io -u bob --password-stdin",
    "ENV PATH /usr/bin",
    "ENV API_KEY is not set",
    "docker build --secret id=x,env=API_KEY .",
    "ConvertTo-SecureString : Cannot bind argument",
    "ConvertTo-SecureString $env:PW -AsPlainText",
    "ssh -p 2222 bob@r.example",
    "session key negotiated with r.example",
    "assertion failed: a != b",
    "jwt: signature is invalid",
    "- name: X_TOKEN\n  valueFrom:\n    secretKeyRef:\n      name: regcred",
    "EnvVar{Name:X_TOKEN,Value:,ValueFrom:&EnvVarSource{FieldRef:nil,},},",
    "EnvVar{Name:MODE,Value:fast,ValueFrom:nil,},",
    "- name: regcred\n  value: x",
    "nginx:1.2@sha256:0123456789abcdef",
    "r.example:5000/a/b:1@sha256:0123456789abcdef",
    "mailto:bob@r.example",
    "upn:jane.doe@contoso.com is no member",
    "npm:left-pad@1.3.0/index.js",
    "mysql -h db -P 3306 -p shop",
    "pulling docker.io/mysql -port 3306",
    "Failed to pull image \"r.example/sk-frontend-service-2024-prod:1\"",
    "sk-frontend-service-of-the-company is down",
    "hf_transfer_is_not_installed_on_this_machine_at_all",
    "SG.example is no host",
    "docker compose -p shop up",
];

fn hidden(marked: &str) -> (String, String) {
    let (mut text, mut expected) = (String::new(), String::new());
    let mut secret = false;
    for c in marked.chars() {
        match c {
            '‹' => {
                secret = true;
                expected.push_str("[redacted]");
            }
            '›' => secret = false,
            c => {
                text.push(c);
                if !secret {
                    expected.push(c);
                }
            }
        }
    }
    (text, expected)
}

#[test]
fn secrets_go_and_nothing_else_does() {
    let mut wrong = Vec::new();
    for marked in SECRETS {
        let (text, expected) = hidden(marked);
        let once = scrub(&text);
        if once != expected || scrub(&once) != expected {
            wrong.push(format!("{text}\n  gives  {once}\n  wanted {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn secrets_go_from_the_middle_of_a_line_too() {
    for marked in SECRETS.iter().filter(|m| !m.starts_with(' ')) {
        let (text, _) = hidden(marked);
        let secret = marked.split('‹').nth(1).expect("a mark");
        let secret = secret.split('›').next().expect("a mark");
        // A value alone on its line may be a sentence elsewhere; one letter is in any text.
        if secret == "correct" || secret.len() < 4 {
            continue;
        }
        let line = format!("2024-01-01T00:00:00Z stdout F {text}");
        assert!(!scrub(&line).contains(secret), "{line}");
    }
}

#[test]
fn errors_stay_as_they_are() {
    let wrong: Vec<String> = ERRORS
        .iter()
        .filter(|text| scrub(text) != **text)
        .map(|text| format!("{text}\n  gives {}", scrub(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_long_password_goes_whole() {
    for password in ["p".repeat(600), "p1".repeat(20_000)] {
        for text in [
            format!("https://u:{password}@host"),
            format!("password={password}"),
            format!("token: {password}"),
        ] {
            assert!(scrub(&text).len() < 60, "{}", &scrub(&text)[..60]);
        }
    }
}

#[test]
fn colours_do_not_hide_a_secret() {
    let line = "\u{1b}[36mpassword\u{1b}[0m=\u{1b}[31mhunter2\u{1b}[0m pull failed";
    let at = line.find("pull").expect("there");
    let safe = safe_excerpt(line, (at, at + 4), 200);
    assert_eq!(safe.text, "password=[redacted] pull failed");
    assert_eq!(&safe.text[safe.span.0..safe.span.1], "pull");
}

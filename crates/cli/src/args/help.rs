//! Examples for `--help`. At most 80 columns.

pub(super) const ROOT: &str = "\
\x1b[1;4mExamples:\x1b[0m
  docker pull contoso.azurecr.io/app:1 2>&1 | pullwhy
  pullwhy explain logs.zip
  kubectl describe pod web-0 | pullwhy
  pullwhy run -- docker compose up
  pullwhy azure --app shop --resource-group rg1 --logs
  pullwhy kubernetes --namespace shop
  pullwhy cause network/dns-failure

With piped standard input and no command, `explain` is meant.
`--format`, `--redact`, `-q` and `-v` may stand before the command too.";

pub(super) const EXPLAIN: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy explain app.log                  one file
  pullwhy explain LogFiles.zip             an archive, as it was downloaded
  pullwhy explain /var/log --since 2h      a folder, the last two hours
  docker pull nginx:1.99 2>&1 | pullwhy    what a command says
  pullwhy explain                          paste a message, end with Ctrl-D
  pullwhy explain --follow app.log         a log that is being written
  pullwhy explain *.log --cause network --format json
  pullwhy explain app.log --check          and look now which cause it is
  pullwhy explain pod.log --check --as kubelet --authfile pull-secret.yaml
  journalctl -u docker | pullwhy explain - --check --same-machine

\x1b[1;4mExit status:\x1b[0m
  0  no failed pull found
  1  failed pulls found, even if some input could not be read
  2  none found, and some input could not be read; or wrong usage";

pub(super) const CHECK: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy check contoso.azurecr.io/app:1
  pullwhy check --platform linux/arm64 nginx:1.27
  pullwhy check --pull --userns-remap 100000:65536 contoso.azurecr.io/app:1
  pullwhy check --pull --output oci:app contoso.azurecr.io/app:1
  pullwhy check --as docker --store /mnt/docker contoso.azurecr.io/app:1
  pullwhy check --rate 20 --start-limit 230 contoso.azurecr.io/app:1
  pullwhy check --timeout 3 --format json registry.example/app > run.json
  pullwhy check --resolve r.example:443:10.0.0.9 r.example/app
  pullwhy check --as kubelet --authfile secret.yaml r.example/app
  sudo pullwhy check --as docker --diff nginx:1.27
  pullwhy check --as kubelet --root /host r.example/app   in a debug container

\x1b[1;4mExit status:\x1b[0m
  0  a pull would work
  1  it would fail
  2  it could not be told";

pub(super) const AZURE: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy azure --app shop --resource-group rg1             the settings
  pullwhy azure --app shop --resource-group rg1 --logs      with the app's logs
  pullwhy azure --app shop --resource-group rg1 docker.log  with this log
  pullwhy azure --aks k8s -g rg1 --image contoso.azurecr.io/api:1
  pullwhy azure --aci job -g rg1                            a container group
  pullwhy azure --container-app api -g rg1 system.log       a container app, with its log
  pullwhy azure collect --app shop --resource-group rg1 > collect.sh
  pullwhy azure --facts pullwhy-facts docker.log            offline

\x1b[1;4mExit status:\x1b[0m
  0  nothing found that makes a pull fail
  1  a cause was found, even if some settings could not be read
  2  none found and some could not be read; no `az`, not logged in; wrong usage";

pub(super) const AZURE_COLLECT: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy azure collect --app shop --resource-group rg1 > collect.sh
  sh collect.sh                                  where `az` is logged in
  pullwhy azure --facts pullwhy-facts            where the folder was copied to
  pullwhy azure collect --app shop --resource-group rg1 --run pullwhy-facts
  pullwhy azure collect --aks k8s -g rg1 --image contoso.azurecr.io/api:1 > collect.sh

\x1b[1;4mExit status:\x1b[0m
  0  printed, or collected even if some answers are missing
  2  nothing could be read; no `az`, not logged in, no such app; wrong usage";

pub(super) const KUBERNETES: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy kubernetes                        pods of the context's namespace
  pullwhy kubernetes --namespace shop web-0 one pod
  pullwhy k8s --all-namespaces --context prod
  pullwhy kubernetes collect --namespace shop > collect.sh
  pullwhy kubernetes --facts pullwhy-facts  offline
  ln -s \"$(command -v pullwhy)\" ~/.local/bin/kubectl-pullwhy
  kubectl pullwhy --namespace shop          once that link is on the PATH

\x1b[1;4mExit status:\x1b[0m
  0  no pod fails to get an image
  1  a cause was found, even if something could not be read
  2  none found and not all could be read; no `kubectl`, no login; wrong usage";

pub(super) const KUBERNETES_COLLECT: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy kubernetes collect --namespace shop > collect.sh
  sh collect.sh                                  where `kubectl` reaches the cluster
  pullwhy kubernetes --facts pullwhy-facts       where the folder was copied to
  pullwhy kubernetes collect --namespace shop --run pullwhy-facts

\x1b[1;4mExit status:\x1b[0m
  0  printed, or collected even if some answers are missing
  2  nothing could be read; no `kubectl`, no login, no such pod; wrong usage";

pub(super) const HOST: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy host                             all engines, and the last day's failed pulls
  pullwhy host --as docker --no-logs       Docker's settings with file and line
  pullwhy host --since 2h --format json
  pullwhy host --root /host                in a debug container, of the node

Where the journal may be read only by some (`systemd-journal`, `adm`), run it by sudo.

\x1b[1;4mExit status:\x1b[0m
  0  no failed pull, and nothing that stops one
  1  a failed pull was found, or a setting that lets no pull through
  2  no logs were found to look into; wrong usage";

pub(super) const RUN: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy run -- docker pull contoso.azurecr.io/app:1
  pullwhy run -- docker compose up
  pullwhy run --format github -- docker build .
  pullwhy run --no-check -- docker pull contoso.azurecr.io/app:1   contacts nobody

\x1b[1;4mExit status:\x1b[0m
  that of COMMAND; 127 if it is not found, 126 if it cannot be started,
  128 plus the number of the signal that ended it

A process that COMMAND leaves behind in the background is listened to until it
has been silent for two seconds.";

pub(super) const CAUSE: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy cause                            all causes, by family
  pullwhy cause network                    one family
  pullwhy cause network/dns-failure        one cause in full
  pullwhy cause --check my-causes          check causes of your own

\x1b[1;4mExit status:\x1b[0m
  0  done
  2  unknown cause, or a wrong file in the folder";

pub(super) const COMPLETIONS: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy completions bash > ~/.local/share/bash-completion/completions/pullwhy
  pullwhy completions zsh > ~/.zfunc/_pullwhy
  pullwhy completions fish > ~/.config/fish/completions/pullwhy.fish
  pullwhy completions powershell >> $PROFILE";

pub(super) const MAN: &str = "\
\x1b[1;4mExamples:\x1b[0m
  pullwhy man | man -l -
  pullwhy man --dir ~/.local/share/man/man1";

#!/bin/sh
# Stands in for `az`: answers from the files of $AZ_FACTS, notes each command in $AZ_LOG.
printf 'az %s\n' "$*" >> "$AZ_LOG"
case " $* " in *" --help "*) exit 0 ;; esac
if [ "${AZ_SLOW:-}" ]; then sleep "$AZ_SLOW" & wait; fi
if [ "${AZ_LOGGED_OUT:-}" ]; then
  echo "ERROR: Please run 'az login' to setup account." >&2
  exit 1
fi
case "$*" in
  "account show"*) exit 0 ;;
  "webapp log download"*)
    if [ -e "$AZ_FACTS/logs.error.txt" ]; then cat "$AZ_FACTS/logs.error.txt" >&2; exit 1; fi
    while [ $# -gt 0 ]; do [ "$1" = --log-file ] && cp "$AZ_LOGS" "$2"; shift; done
    exit 0 ;;
  *"--query properties.DOCKER_REGISTRY_SERVER_PASSWORD"*"-o tsv"*) echo "hunter2-of-the-app"; exit 0 ;;
  *"--query properties.DOCKER_REGISTRY_SERVER_PASSWORD"*) echo '"hunter2-of-the-app"'; exit 0 ;;
  "acr credential show"*"-o tsv"*) echo "hunter2-of-the-registry"; exit 0 ;;
  "acr credential show"*)
    echo '{"passwords":[{"name":"password","value":"hunter2-of-the-registry"}],"username":"contosoreg1"}'
    exit 0 ;;
  # What the collecting script asks for first.
  *"linuxFxVersion=='SITECONTAINERS'"*) grep -q '"SITECONTAINERS"' "$AZ_FACTS/config.json" && echo yes; exit 0 ;;
  "webapp show"*"--query id"*) sed -n 's/^  "id": "\(.*\)",$/\1/p' "$AZ_FACTS/webapp.json"; exit 0 ;;
  *'--query linuxFxVersion ||'*) sed -n 's/^  "linuxFxVersion": "\(.*\)",$/\1/p' "$AZ_FACTS/config.json"; exit 0 ;;
  "acr show"*"--query id"*) sed -n 's/^  "id": "\(.*\)",$/\1/p' "$AZ_FACTS/acr.json"; exit 0 ;;
  "acr show"*"--query adminUserEnabled"*) grep -q '"adminUserEnabled": true' "$AZ_FACTS/acr.json" && echo yes; exit 0 ;;
  "acr show"*"--query privateEndpointConnections"*"-o tsv"*) sed -n 's/^ *"id": "\(.*privateEndpoints.*\)"$/\1/p' "$AZ_FACTS/acr.json"; exit 0 ;;
  *"--query virtualNetworkSubnetId"*) sed -n 's/^  "virtualNetworkSubnetId": "\(.*\)",$/\1/p' "$AZ_FACTS/webapp.json"; exit 0 ;;
  *"resourceGroup | [0]"*) echo rg-net; exit 0 ;;
  "aks show"*vnetSubnetId*"-o tsv"*) sed -n 's/^ *"vnetSubnetId": "\(.*\)".*$/\1/p' "$AZ_FACTS/aks.json"; exit 0 ;;
  "aks show"*effectiveOutboundIPs*"-o tsv"*) sed -n 's/^ *"id": "\(.*publicIPAddresses.*\)"$/\1/p' "$AZ_FACTS/aks.json"; exit 0 ;;
  "aks show"*clientId*"-o tsv"*) sed -n '/servicePrincipalProfile/,/}/s/^ *"clientId": "\(.*\)"$/\1/p' "$AZ_FACTS/aks.json"; exit 0 ;;
  "container show"*image*"-o tsv"*) sed -n 's/^ *"image": "\(.*\)"$/\1/p' "$AZ_FACTS/container.json"; exit 0 ;;
  "containerapp show"*image*"-o tsv"*) sed -n 's/^ *"image": "\(.*\)"$/\1/p' "$AZ_FACTS/containerapp.json"; exit 0 ;;
  "containerapp show"*nvironmentId*"-o tsv"*) sed -n 's/^ *"environmentId": "\(.*\)",$/\1/p' "$AZ_FACTS/containerapp.json"; exit 0 ;;
  "containerapp env show"*"-o tsv"*) sed -n 's/^ *"infrastructureSubnetId": "\(.*\)",$/\1/p' "$AZ_FACTS/environment.json"; exit 0 ;;
  "webapp config appsettings list"*USERNAME*"-o tsv"*)
    sed -n '/"DOCKER_REGISTRY_SERVER_USERNAME"/,/}/s/^ *"value": "\(.*\)"$/\1/p' "$AZ_FACTS/appsettings.json"; exit 0 ;;
  *"-o tsv"*) exit 0 ;;
  "aks show"*) name=aks ;;
  "network public-ip show"*) name=outbound ;;
  "container show"*) name=container ;;
  "containerapp env show"*) name=environment ;;
  "containerapp show"*) name=containerapp ;;
  "webapp show"*) name=webapp ;;
  "webapp config show"*) name=config ;;
  "webapp config appsettings list"*) name=appsettings ;;
  "webapp identity show"*) name=identity ;;
  "webapp vnet-integration list"*) name=vnet ;;
  "webapp sitecontainers list"*) name=sitecontainers ;;
  *"/config/appsettings/list"*) name=password ;;
  *"/configreferences/"*) name=vault ;;
  "acr show"*) name=acr ;;
  "acr check-name"*) name=acr-name ;;
  "role assignment list"*) name=roles ;;
  "network vnet show"*) name=network ;;
  "network private-dns zone list"*) name=zones ;;
  "network private-dns link vnet list"*) name=links ;;
  "network private-dns record-set a list"*) name=records ;;
  "network private-endpoint show"*) name=endpoint ;;
  "ad sp show"*) name=principal ;;
  "ad app credential list"*) name=secrets ;;
  *) echo "ERROR: '$1' is misspelled or not recognized by the system." >&2; exit 2 ;;
esac
if [ -e "$AZ_FACTS/$name.error.txt" ]; then
  cat "$AZ_FACTS/$name.error.txt" >&2
  exit 1
fi
cat "$AZ_FACTS/$name.json"

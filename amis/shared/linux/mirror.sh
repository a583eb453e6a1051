#!/bin/sh
# Points pip, npm, Maven and R at the organisation's mirror until the agent has a token for that of the project's tier. The
# firewall refuses every other source. CRAN is a dataset, if the project has it: docs/packages.md.
set -eu

mirror=${BROCH_PACKAGE_MIRROR:?the address of the package mirror}
cat >/etc/pip.conf <<CONF
[global]
index-url = $mirror/pypi/simple/
disable-pip-version-check = true
# Only Debian's packages change Debian's Python; pip installs into a virtual environment or the user's own folder.
[install]
user = true
CONF
cat >/etc/npmrc <<CONF
registry=$mirror/npm/
CONF
install --directory /etc/maven
cat >/etc/maven/settings.xml <<CONF
<settings>
  <mirrors><mirror><id>broch</id><mirrorOf>*</mirrorOf><url>$mirror/maven/</url></mirror></mirrors>
</settings>
CONF
if [ -d /etc/R ]; then
  # The lines are marked, so that a second run replaces them instead of adding more.
  touch /etc/R/Rprofile.site
  sed -i '/# broch$/d' /etc/R/Rprofile.site
  found='found <- Sys.glob("/data/cran/*/src"); cran <- if (length(found)) paste0("file://", dirname(found[[length(found)]]))'
  echo "local({ $found else \"$mirror/cran\"; options(repos = c(CRAN = cran)) }) # broch" >>/etc/R/Rprofile.site
fi
# JupyterLab would request news from the internet.
install --directory /etc/jupyter/labconfig
cat >/etc/jupyter/labconfig/page_config.json <<'CONF'
{ "disabledExtensions": { "@jupyterlab/apputils-extension:announcements": true } }
CONF
cat >/etc/profile.d/broch-mirror.sh <<CONF
export NPM_CONFIG_GLOBALCONFIG=/etc/npmrc
CONF
install --mode=644 "$BROCH_LINUX/files/licences.sh" /etc/profile.d/broch-licences.sh
if [ -f "$BROCH_RECIPE_FOLDER/licences.conf" ]; then
  install -D --mode=644 "$BROCH_RECIPE_FOLDER/licences.conf" /etc/broch/licences.conf
fi

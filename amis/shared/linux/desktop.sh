#!/bin/sh
# Sets up the desktop server: RDP by xrdp, one TigerVNC session for the researcher, XFCE in it.
set -eu

files="$BROCH_LINUX/files"
install --mode=644 "$files/xrdp.ini" "$files/sesman.ini" /etc/xrdp/
install --mode=755 "$files/startwm.sh" "$files/reconnectwm.sh" /etc/xrdp/
install --directory /etc/xdg/xfce4/xfconf/xfce-perchannel-xml
install --mode=644 "$files/xfce4-screensaver.xml" /etc/xdg/xfce4/xfconf/xfce-perchannel-xml/

# xrdp reads the key of its certificate through this group. The agent makes a new certificate on every machine.
id --name --groups xrdp | grep -q -w ssl-cert || usermod --append --groups ssl-cert xrdp

# An image whose session is not XFCE provides its own session script.
if [ -f "$BROCH_RECIPE_FOLDER/session.sh" ]; then
  install --mode=755 "$BROCH_RECIPE_FOLDER/session.sh" /etc/xrdp/session.sh
fi

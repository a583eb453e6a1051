#!/bin/sh
# The desktop server offers one kind of session and transfers nothing but the picture.
set -eu
for program in /usr/sbin/xrdp /usr/sbin/xrdp-sesman /usr/bin/Xvnc /usr/bin/xfce4-session /usr/bin/xfce4-screensaver; do
  [ -x "$program" ] || { echo "$program is missing"; exit 1; }
done
for channel in rdpdr cliprdr rdpsnd; do
  grep -q "^$channel=false" /etc/xrdp/xrdp.ini || { echo "the channel $channel is open"; exit 1; }
done
[ -x /etc/xrdp/reconnectwm.sh ] || { echo "a new link does not unlock a locked session"; exit 1; }
grep -q '^AllowRootLogin=false' /etc/xrdp/sesman.ini || { echo "root may sign in"; exit 1; }
[ "$(grep -c '^lib=' /etc/xrdp/xrdp.ini)" = 1 ] || { echo "there is another kind of session"; exit 1; }
runuser -u xrdp -- test -r /etc/ssl/private/ssl-cert-snakeoil.key || { echo "xrdp cannot read its key"; exit 1; }
grep -q xfce4-panel /etc/xdg/xfce4/xfconf/xfce-perchannel-xml/xfce4-session.xml || { echo "XFCE has no session to start"; exit 1; }

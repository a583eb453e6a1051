#!/bin/sh
# The session that a researcher signs in to.
if [ -r /etc/default/locale ]; then
  . /etc/default/locale
  export LANG LANGUAGE
fi
. /etc/profile
if [ -x /etc/xrdp/session.sh ]; then exec dbus-launch --exit-with-session /etc/xrdp/session.sh; fi
exec dbus-launch --exit-with-session xfce4-session

# Where licensed software finds its licence server. /etc/broch/licences.conf holds lines such as
# MLM_LICENSE_FILE=27000@licences.broch.internal; without it nothing is set.
if [ -r /etc/broch/licences.conf ]; then
  while IFS='=' read -r name value; do
    case $name in
      MLM_LICENSE_FILE | LM_LICENSE_FILE | STATA_LICENSE_FILE | SPSS_LICENSE_FILE) export "$name=$value" ;;
    esac
  done </etc/broch/licences.conf
fi

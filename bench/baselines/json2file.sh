# json2file-go (Debian): checks the secret, and writes each report into a file of its own.
folder=$(mktemp -d -p var/bench)
mkdir "$folder/mobtexting"
trap 'kill $!; wait; rm -r "$folder"' TERM
J2F_BASEDIR=$folder J2F_HOST=127.0.0.1 J2F_PORT=$OBDTRACK_PORT J2F_URL_PREFIX=/webhooks \
  J2F_DIRLIST="mobtexting:Bearer $OBDTRACK_WEBHOOK_SECRETS" J2F_TOKEN_HEADERS=Authorization \
  json2file-go &
wait

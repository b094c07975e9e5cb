#!/usr/bin/env bash
# Guess:    a number that the library calls valid, written by it as E.164 text, is the same number when
#           that text is read again; with a plus and the country code there is nothing left to guess.
# Seen:     Belarus' premium numbers +375 810 …: the reader takes the first 8 for the trunk prefix, as both
#           8 and 80 may be, and gives nine digits of which the library says that nobody has them.
#           The neighbours +375 801, 803 and 820 are kept. Python and JavaScript agree in this.
# Matters:  numbers go through text at every step (request, database, report): the number stored or
#           dialled is not the one given, and no error says so. Compare the digits given with those read.
# Versions: phonenumbers 9.0.42, libphonenumber-js 1.13.16 (npm).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check phonenumbers==9.0.42
npm install --silent --no-audit --no-fund --ignore-scripts libphonenumber-js@1.13.16 >/dev/null

cat >read.js <<'JS'
const { parsePhoneNumber } = require("libphonenumber-js/max");
for (const text of process.argv.slice(2)) console.log(parsePhoneNumber(text).number);
JS
cat >try.py <<'PY'
import subprocess
import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

numbers = [
    PhoneNumber(country_code=375, national_number=national)
    for national in (8100000000, 8011234567, 8031234567, 82012345678)
]
texts = [phonenumbers.format_number(number, PhoneNumberFormat.E164) for number in numbers]
by_node = subprocess.check_output(["node", "read.js", *texts], text=True).split()
for number, text, node in zip(numbers, texts, by_node):
    again = phonenumbers.parse(text)
    print(
        text, "valid", phonenumbers.is_valid_number(number),
        "| read", phonenumbers.format_number(again, PhoneNumberFormat.E164),
        "valid", phonenumbers.is_valid_number(again), "| Node reads", node,
    )
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
+3758100000000 valid True | read +375100000000 valid False | Node reads +375100000000
+3758011234567 valid True | read +3758011234567 valid True | Node reads +3758011234567
+3758031234567 valid True | read +3758031234567 valid True | Node reads +3758031234567
+37582012345678 valid True | read +37582012345678 valid True | Node reads +37582012345678
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: how these numbers are read" >&2; exit 1; }
echo "$seen"

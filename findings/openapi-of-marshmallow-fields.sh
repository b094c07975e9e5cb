#!/usr/bin/env bash
# Guess:    the OpenAPI document that apispec makes of a marshmallow schema describes what the schema writes
#           and accepts, at least for marshmallow's own fields and validators.
# Seen:     Decimal(as_string=True) is documented as a number and written as a string; ContainsOnly puts
#           the allowed items as `enum` on the list, so no list passes; Range(min_inclusive=False) is
#           documented as inclusive; DateTime(format="rfc822") gets `"format": null`, which is no valid schema.
# Matters:  money goes out as decimal text; clients generated from the document refuse or misread every charge, though
#           server and document come from one definition. `metadata={"type": "string"}` sets money right.
# Versions: marshmallow 4.4.0, apispec 6.10.1, jsonschema 4.26.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check marshmallow==4.4.0 apispec==6.10.1 jsonschema==4.26.0

cat >try.py <<'PY'
from datetime import datetime, timezone
from decimal import Decimal
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from marshmallow import Schema, fields, validate


class Call(Schema):
    charges = fields.Decimal(as_string=True)
    channels = fields.List(fields.String(), validate=validate.ContainsOnly(["voice", "sms"]))
    interval = fields.Integer(validate=validate.Range(min=0, min_inclusive=False))
    placed_at = fields.DateTime(format="rfc822")


spec = APISpec("calls", "1", "3.1.0", plugins=[MarshmallowPlugin()])
spec.components.schema("Call", schema=Call)
documented = spec.to_dict()["components"]["schemas"]["Call"]["properties"]


def verdict(name, value):
    try:
        Draft202012Validator.check_schema(documented[name])
        Draft202012Validator(documented[name]).validate(value)
    except (SchemaError, ValidationError) as error:
        return f"{type(error).__name__}: {error.message}"
    return "valid"


written = Call().dump(
    {
        "charges": Decimal("0.5000"),
        "channels": ["voice"],
        "placed_at": datetime(2021, 4, 9, 10, 57, 39, tzinfo=timezone.utc),
    }
)
for name, value in written.items():
    print(f"{name} writes {value!r}; its document: {verdict(name, value)}")
print("interval 0:", Call().validate({"interval": 0}) or "accepted", "; its document:", verdict("interval", 0))
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
charges writes '0.5000'; its document: ValidationError: '0.5000' is not of type 'number'
channels writes ['voice']; its document: ValidationError: ['voice'] is not one of ['voice', 'sms']
placed_at writes 'Fri, 09 Apr 2021 10:57:39 +0000'; its document: SchemaError: None is not of type 'string'
interval 0: {'interval': ['Must be greater than 0.']} ; its document: valid
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: how apispec documents these fields" >&2; exit 1; }
echo "$seen"

-- For wrk: sends one request again and again, each time with the number of another call in it.
-- Arguments: file of the template, first number, last number, seconds to send, connections.
--
-- After its seconds it lets what is under way be answered, so that every request sent can be
-- accounted for: it sends the first letter of a request only, which no server takes for one. When
-- all connections have come to that, it ends wrk as Ctrl-C would.
local ffi = require("ffi")
ffi.cdef [[
  struct moment { long seconds; long microseconds; };
  int gettimeofday(struct moment *now, void *zone);
  int getpid(void);
  int kill(int pid, int signal);
]]
local now = ffi.new("struct moment")
local literals, formats, moduli = {}, {}, {}
local started, waiting = nil, 0
sent, seconds, exhausted = 0, 0, false

local function clock()
  ffi.C.gettimeofday(now, nil)
  return tonumber(now.seconds) + tonumber(now.microseconds) / 1e6
end

local function split(template)
  local position = 1
  for literal, digits, after in template:gmatch("(.-){(%d+)}()") do
    table.insert(literals, literal)
    table.insert(formats, "%0" .. digits .. "d")
    table.insert(moduli, 10 ^ tonumber(digits))
    position = after
  end
  rest = template:sub(position)
end

local function filled(n)
  local parts = {}
  for i, literal in ipairs(literals) do
    parts[2 * i - 1] = literal
    parts[2 * i] = formats[i]:format(n % moduli[i])
  end
  parts[#parts + 1] = rest
  return table.concat(parts)
end

function setup(thread)
  only_thread = thread
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  split(file:read("*a"))
  file:close()
  first, last = tonumber(arguments[2]), tonumber(arguments[3])
  length, connections = tonumber(arguments[4]), tonumber(arguments[5])
end

function request()
  if not started then
    started = 0 -- wrk asks once before it begins, and sends nothing
    return filled(first)
  end
  local moment = clock()
  if started == 0 then started = moment end
  if waiting == 0 and moment - started < length and first + sent <= last then
    sent = sent + 1
    return filled(first + sent - 1)
  end
  if waiting == 0 then
    seconds = moment - started
    exhausted = first + sent > last
  end
  waiting = waiting + 1
  if waiting == connections then ffi.C.kill(ffi.C.getpid(), 2) end
  return "G"
end

function done(summary, latency, requests)
  local errors = summary.errors
  local format = '{"sent": %d, "answered": %d, "refused": %d, "broken": %d, "seconds": %f, '
    .. '"exhausted": %s, "p50": %f, "p99": %f, "longest": %f}\n'
  io.write(format:format(
    only_thread:get("sent"), summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, only_thread:get("seconds"),
    tostring(only_thread:get("exhausted")),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end

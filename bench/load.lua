-- For wrk: sends one request again and again, each time with the number of another call in it.
-- Arguments: file of the template, seconds to send, connections, first number, count of numbers,
-- and their order, `placed` or `random`. BENCH_PORTS names a port for each of wrk's threads, which
-- has its share of the connections and of the numbers.
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
local started, waiting, at = nil, 0, -1
local all, finished = {}, ffi.new("int[64]")
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

-- In random order by a linear congruential generator: it comes to each number below a power of two
-- once (Hull and Dobell: odd increment, multiplier 1 modulo 4), and those that are none are left out.
local function next_number()
  repeat
    at = random and (at * 1664525 + 1013904223) % modulus or at + 1
  until at < count
  return first + at
end

-- The threads share nothing but the array in which each says that it has finished.
function setup(thread)
  local place = 0
  for port in os.getenv("BENCH_PORTS"):gmatch("%d+") do
    if place == #all then thread.addr = wrk.lookup("127.0.0.1", port)[1] end
    place = place + 1
  end
  thread:set("place", #all)
  thread:set("threads", place)
  thread:set("finished_at", tonumber(ffi.cast("intptr_t", finished)))
  table.insert(all, thread)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  split(file:read("*a"))
  file:close()
  finished = ffi.cast("int *", finished_at)
  length, connections = tonumber(arguments[2]), tonumber(arguments[3]) / threads
  count, random = math.floor(tonumber(arguments[5]) / threads), arguments[6] == "random"
  first = tonumber(arguments[4]) + place * count
  modulus = 2 ^ math.ceil(math.log(count) / math.log(2))
  if random then at = 0 end
end

local function finish()
  finished[place] = 1
  for i = 0, threads - 1 do
    if finished[i] == 0 then return end
  end
  ffi.C.kill(ffi.C.getpid(), 2)
end

function request()
  if not started then
    started = 0
    if place == 0 then return filled(first) end -- wrk asks once before it begins, sending nothing
  end
  local moment = clock()
  if started == 0 then started = moment end
  if waiting == 0 and moment - started < length and sent < count then
    sent = sent + 1
    return filled(next_number())
  end
  if waiting == 0 then
    seconds = moment - started
    exhausted = sent == count
  end
  waiting = waiting + 1
  if waiting == connections then finish() end
  return "G"
end

function done(summary, latency, requests)
  local errors, sent, rate, exhausted = summary.errors, 0, 0, false
  for _, thread in ipairs(all) do
    sent = sent + thread:get("sent")
    -- When sending ended, one request of each other connection was still on its way.
    local answered = thread:get("sent") - thread:get("connections") + 1
    rate = rate + math.max(answered, 0) / math.max(thread:get("seconds"), 1e-6)
    exhausted = exhausted or thread:get("exhausted")
  end
  local format = '{"sent": %d, "answered": %d, "refused": %d, "broken": %d, "exhausted": %s, '
    .. '"rate": %f, "p50": %f, "p99": %f}\n'
  io.write(format:format(
    sent, summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, tostring(exhausted), rate,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end

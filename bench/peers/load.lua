-- Requests for wrk: `-- MODE PATH URLS RUN NAME VALUE NAME VALUE …`. Modes are those of wrk.ts. Everything that can be is
-- made beforehand, so that the load costs its core little.

local make
local DRAWS = 200000
local AGENTS = 64

local function zipf(count)
  local cumulative, sum = {}, 0
  for rank = 1, count do
    sum = sum + rank ^ -0.9
    cumulative[rank] = sum
  end
  local draws = {}
  for i = 1, DRAWS do
    local wanted, low, high = math.random() * sum, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if cumulative[middle] > wanted then high = middle else low = middle + 1 end
    end
    draws[i] = low - 1
  end
  return draws
end

function init(args)
  local mode, path, urls, run = args[1], args[2], tonumber(args[3]), args[4]
  math.randomseed(1)
  local lines = "Host: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
  for i = 5, #args, 2 do lines = lines .. args[i] .. ": " .. args[i + 1] .. "\r\n" end
  local tail = " HTTP/1.1\r\n" .. lines .. "\r\n"
  local head = "GET " .. path
  local at = 0
  if mode == "one" then
    local whole = head .. tail
    make = function() return whole end
  elseif mode == "unique" then
    head = head .. run .. "-"
    make = function()
      at = at + 1
      return head .. at .. tail
    end
  elseif mode == "zipf" then
    local draws = zipf(urls)
    make = function()
      at = at % DRAWS + 1
      return head .. draws[at] .. tail
    end
  else
    local tails = {}
    for i = 1, AGENTS do tails[i] = string.gsub(tail, "AGENT", "agent-" .. i) end
    make = function()
      return head .. math.random(0, urls - 1) .. tails[math.random(AGENTS)]
    end
  end
end

function request()
  return make()
end

function done(summary, latency)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format("figures %d %d %d %d %d", summary.requests, summary.duration, errors,
    latency:percentile(50), latency:percentile(99)))
end

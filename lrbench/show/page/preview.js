"use strict";
// The curves of lrbench/schedules and the text of lrbench/show/take_home.py; tests hold both to be the same.
const { entries: ENTRIES, start: START, styles: STYLES } = JSON.parse(document.getElementById("data").textContent);
const { PI, abs, cos, exp, floor, log, max, min, sin, sqrt, tanh } = Math;

// ---- words

function num(x) { // as Python writes it
  const [digits, e] = x.toExponential().split("e");
  return e < -4 || e >= 16 ? `${digits}e${e < 0 ? "-" : "+"}${String(abs(e)).padStart(2, "0")}` : String(x);
}
const many = (n) => n.toLocaleString("en-US");
function check(holds, problem) { if (!holds) throw new Error(problem); }

function split(text, separator) { // outside parentheses
  const parts = [""];
  let depth = 0;
  for (const each of text) {
    depth += (each === "(") - (each === ")");
    check(depth >= 0, "A parenthesis too many.");
    if (each === separator && !depth) parts.push(""); else parts[parts.length - 1] += each;
  }
  check(!depth, "A parenthesis is missing.");
  return parts.map((each) => each.trim());
}

function decimal(key, text) {
  check(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && isFinite(text), `${key}: ${text || "nothing"} is no number.`);
  return Number(text);
}

const READ = {
  span(key, text) {
    const found = /^(.*?)\s*(%|epochs?|steps?)$/.exec(text);
    check(found, `${key} wants a unit: 20 epochs, 1000 steps or 10%.`);
    const value = decimal(key, found[1]);
    check(value >= 0, `${key} is negative.`);
    return { value, unit: found[2] === "%" ? "%" : found[2].replace(/s$/, "") };
  },
  rate(key, text) {
    const share = text.endsWith("%");
    return { value: decimal(key, share ? text.slice(0, -1).trim() : text), share };
  },
  optional: (key, text) => (text === "none" ? null : READ.rate(key, text)),
  number: decimal,
  switch(key, text) { check(/^(true|false)$/.test(text), `${key} is true or false.`); return text === "true"; },
  choice: (key, text) => text,
  spans: (key, text) => text.split(";").map((each) => READ.span(key, each.trim())),
  rates: (key, text) => text.split(";").map((each) => READ.rate(key, each.trim())),
};
const WRITE = {
  span: ({ value, unit }) => (unit === "%" ? `${num(value)}%` : `${num(value)} ${unit}${value === 1 ? "" : "s"}`),
  rate: ({ value, share }) => num(value) + (share ? "%" : ""),
  optional: (rate) => (rate ? WRITE.rate(rate) : "none"),
  number: num,
  switch: String,
  choice: String,
  spans: (list) => list.map(WRITE.span).join(";"),
  rates: (list) => list.map(WRITE.rate).join(";"),
  pieces: (list) => list.map((each) => each.text).join("; "),
};
const rateOf = (rate, lr) => (rate.share ? rate.value * lr / 100 : rate.value);

function parse(text, lr) {
  const found = /^([a-z_]+)\s*(?:\(([^]*)\))?$/.exec(text.trim());
  check(found && Object.hasOwn(ENTRIES, found[1]), `${text}: no schedule of the list.`);
  const [, name, inside = ""] = found;
  const kinds = ENTRIES[name].parameters, pairs = {}, pieces = [];
  for (const part of split(inside, ",").filter(Boolean)) {
    const pair = /^([a-z_]+)\s*=([^]*)$/.exec(part);
    if (name === "join" && !pair) { pieces.push(...split(part, ";")); continue; }
    check(pair && (pair[1] === "lr" || (Object.hasOwn(kinds, pair[1]) && pair[1] !== "pieces")), `${part}: no parameter of ${name}.`);
    check(!Object.hasOwn(pairs, pair[1]), `${pair[1]} stands twice.`);
    pairs[pair[1]] = pair[2].trim();
  }
  const peak = Object.hasOwn(pairs, "lr") ? rateOf(READ.rate("lr", pairs.lr), lr) : lr;
  check(peak > 0, "lr wants a rate above 0.");
  const values = {}, given = {};
  for (const [key, { kind, standard, choices }] of Object.entries(kinds)) {
    if (kind === "pieces") {
      values[key] = (pieces.length ? pieces : split(standard, ";")).map((each) => {
        const piece = parse(each, peak);
        check(piece.name !== "join", "A join cannot be a piece.");
        return { text: spec(piece, peak), piece };
      });
    } else {
      const text = pairs[key] ?? standard;
      check(!choices || choices.includes(text), `${key} is ${(choices ?? []).join(", ")}.`);
      values[key] = READ[kind](key, text);
    }
    const canonical = WRITE[kind](values[key]);
    if (canonical !== standard) given[key] = canonical;
  }
  return { name, lr: peak, values, given };
}

function spec(schedule, lr = null) { // with its peak rate, unless it is `lr`
  const inside = Object.entries(schedule.given).map(([key, text]) => (key === "pieces" ? text : `${key}=${text}`));
  if (schedule.lr !== lr) inside.unshift(`lr=${num(schedule.lr)}`);
  return inside.length ? `${schedule.name}(${inside.join(", ")})` : schedule.name;
}

// ---- curves: a function of the step, and the lines of Python that say the same

class Horizon {
  constructor(epochs, each, skipped = 0, others = 0, stride = 1) { Object.assign(this, { epochs, each, skipped, others, stride }); }
  get steps() { return this.epochs * this.each - this.others - this.skipped; }
  get whole() { return new Horizon(this.epochs, this.each, 0, this.others, this.stride); }
  get perEpoch() { return new Horizon(this.epochs, this.each, this.skipped, this.others, this.each); }
  after(steps) { return new Horizon(this.epochs, this.each, this.skipped + steps, this.others, this.stride); }
  piece(steps) { const epochs = Math.ceil(steps / this.each); return new Horizon(epochs, this.each, 0, epochs * this.each - steps, this.stride); }
}
function product(value, whole, power) { // value * whole * 10^power, rounded once
  const [digits, e] = value.toExponential().split("e"), [ones, tenths = ""] = digits.split(".");
  return Number(`${BigInt(ones + tenths) * BigInt(whole)}e${Number(e) - tenths.length + power}`);
}
function stepsOf({ value, unit }, horizon) {
  const steps = unit === "epoch" ? product(value, horizon.each, 0) : unit === "step" ? value : product(value, horizon.steps, -2);
  const nearest = Math.round(steps);
  return nearest && abs(steps - nearest) <= ROUNDING ? nearest : steps;
}
const ROUNDING = 1e-6, PAST = "(step + 1e-6)";
const spansPassed = (t, length) => floor((t + ROUNDING) / length);
function rounded(x) { const low = floor(x); return x - low === 0.5 ? low + low % 2 : Math.round(x); } // as Python rounds
const between = (low, high, share) => (low ? `${num(low)} + (${high} - ${num(low)}) * ${share}` : `${high} * ${share}`);
const PASSED = { linear: (z) => z, sqrt, cosine: (z) => 0.5 * (1 - cos(PI * z)), exponential: (z) => 2 - 2 * 0.5 ** z, square: (z) => z ** 2, "inverse-linear": (z) => 10 * z / (1 + 9 * z) };
const LEFT = {
  linear: "(1 - z)", sqrt: "(1 - math.sqrt(z))", cosine: "(1 + math.cos(math.pi * z)) / 2", exponential: "(2 * 0.5**z - 1)",
  square: "(1 - z**2)", "inverse-linear": "(1 - z) / (1 + 9 * z)",
};
const wayText = (shape, z) => (shape === "linear" ? z : `(1 - math.cos(math.pi * ${z})) / 2`);

class Numbers {
  constructor(name, v, horizon, lr) { Object.assign(this, { name, v, horizon, lr, total: horizon.steps, peak: num(lr) }); }
  span(key) { const steps = stepsOf(this.v[key], this.horizon); check(steps > 0, `${this.name} wants ${key} above 0.`); return steps; }
  low(key) {
    const low = rateOf(this.v[key], this.lr);
    check(0 <= low && low <= this.lr, `${this.name} wants ${key} between 0 and lr.`);
    return low;
  }
  above(key, share) { return between(this.low(key), this.peak, share); }
  stairs(length) { return Number.isInteger(length) ? `step // ${num(length)}` : `math.floor(${PAST} / ${num(length)})`; }
  passed(length) { return this.v.staircase ? this.stairs(length) : `step / ${num(length)}`; }
  shrinking(key) { check(0 < this.v[key] && this.v[key] <= 1, `${this.name} wants ${key} above 0, at most 1.`); return this.v[key]; }
  positive(key) { check(this.v[key] > 0, `${this.name} wants ${key} above 0.`); return this.v[key]; }
  boundaries() {
    const at = this.v.at.map((each) => stepsOf(each, this.horizon));
    check(at.every((each, i) => each > (i ? at[i - 1] : 0)), `${this.name} wants boundaries that rise.`);
    return at;
  }
}
const list = (values) => `[${values.map(num).join(", ")}]`;
const countPassed = (at, t) => at.filter((boundary) => t >= boundary).length;

const CURVES = {
  constant: (x) => [() => x.lr, [`return ${x.peak}`]],
  step(x) {
    const every = x.span("every"), gamma = x.shrinking("gamma");
    return [(t) => x.lr * gamma ** spansPassed(t, every), [`return ${x.peak} * ${num(gamma)} ** (${x.stairs(every)})`]];
  },
  multistep(x) {
    const at = x.boundaries(), gamma = x.shrinking("gamma");
    return [(t) => x.lr * gamma ** countPassed(at, t),
      [`passed = sum(step >= boundary for boundary in ${list(at)})`, `return ${x.peak} * ${num(gamma)} ** passed`]];
  },
  piecewise(x) {
    const at = x.boundaries(), rates = x.v.rates.map((each) => rateOf(each, x.lr));
    check(rates.length === at.length + 1, "piecewise wants one rate more than boundaries.");
    check(rates.every((each) => each >= 0), "piecewise wants rates that are not negative.");
    return [(t) => rates[countPassed(at, t)],
      [`passed = sum(step >= boundary for boundary in ${list(at)})`, `return ${list(rates)}[passed]`]];
  },
  exponential(x) {
    const every = x.span("every"), gamma = x.shrinking("gamma");
    return [(t) => x.lr * gamma ** (x.v.staircase ? spansPassed(t, every) : t / every),
      [`return ${x.peak} * ${num(gamma)} ** (${x.passed(every)})`]];
  },
  inverse_time(x) {
    const every = x.span("every"), gamma = x.positive("gamma"), power = x.positive("power");
    const below = `(1 + ${gamma === 1 ? "" : `${num(gamma)} * `}(${x.passed(every)}))`;
    return [(t) => x.lr * (1 + gamma * (x.v.staircase ? spansPassed(t, every) : t / every)) ** -power,
      [`return ${x.peak} / ${below}${power === 1 ? "" : ` ** ${num(power)}`}`]];
  },
  inverse_sqrt(x) {
    const after = x.span("after"), power = x.positive("power"), low = x.low("floor");
    return [(t) => low + (x.lr - low) * (after / max(t, after)) ** power,
      [`return ${x.above("floor", `(${num(after)} / max(step, ${num(after)})) ** ${num(power)}`)}`]];
  },
  linear(x) {
    const end = rateOf(x.v.to, x.lr);
    check(end >= 0, "linear wants to at least 0.");
    return [(t) => x.lr + (end - x.lr) * (t / x.total),
      [end ? `return ${x.peak} + (${num(end)} - ${x.peak}) * step / ${x.total}` : `return ${x.peak} * (1 - step / ${x.total})`]];
  },
  polynomial(x) {
    const end = x.low("to"), power = x.positive("power"), k = x.positive("k");
    const z = k === 1 ? `step / ${x.total}` : `(step / ${x.total}) ** ${num(k)}`;
    return [(t) => (x.lr - end) * (1 - (t / x.total) ** k) ** power + end, [`return ${x.above("to", `(1 - ${z}) ** ${num(power)}`)}`]];
  },
  cosine(x) {
    const low = x.low("floor"), k = x.positive("k");
    const z = k === 1 ? `step / ${x.total}` : `(step / ${x.total}) ** ${num(k)}`;
    return [(t) => low + 0.5 * (x.lr - low) * (1 + cos(k === 1 ? PI / x.total * t : PI * (t / x.total) ** k)),
      [`return ${x.above("floor", `(1 + math.cos(math.pi * ${z})) / 2`)}`]];
  },
  rex(x) {
    const low = x.low("floor");
    return [(t) => low + (x.lr - low) * (1 - t / x.total) / (1 - t / x.total / 2),
      [`z = step / ${x.total}`, `return ${x.above("floor", "(1 - z) / (1 - z / 2)")}`]];
  },
  sigmoid(x) {
    const low = x.low("floor"), gamma = x.positive("gamma"), centre = stepsOf(x.v.centre, x.horizon);
    return [(t) => low + 0.5 * (x.lr - low) * (1 - tanh(0.5 * gamma / x.total * (t - centre))),
      [`return ${x.above("floor", `(1 - math.tanh(${num(gamma / 2)} * (step - ${num(centre)}) / ${x.total})) / 2`)}`]];
  },
  cyclical(x) {
    const half = x.span("half"), low = x.low("floor"), gamma = x.shrinking("gamma");
    const wave = { triangle: (h) => 1 - abs(h % 2 - 1), sine: (h) => abs(sin(PI / 2 * h)) }[x.v.shape];
    const shrink = { none: () => 1, half: (t) => 0.5 ** floor(t / half / 2), exp: (t) => exp(log(gamma) * t) }[x.v.decay];
    const waveText = { triangle: "1 - abs(halves % 2 - 1)", sine: "abs(math.sin(math.pi / 2 * halves))" }[x.v.shape];
    const shrinkText = { none: "", half: " * 0.5 ** (halves // 2)", exp: ` * ${num(gamma)} ** step` }[x.v.decay];
    return [(t) => low + (x.lr - low) * wave(t / half) * shrink(t),
      [`halves = step / ${num(half)}`, `wave = ${waveText}`, `return ${x.above("floor", `wave${shrinkText}`)}`]];
  },
  restarts(x) {
    const { first, mult } = x.v, shrink = x.shrinking("shrink"), low = x.low("floor");
    const steps = stepsOf(first, x.horizon), length = first.unit === "%" && first.value > 0 ? max(steps, 1) : steps;
    check(length >= 1, "restarts wants first of at least 1 step.");
    check(mult >= 1, "restarts wants mult of at least 1.");
    const rate = (t) => {
      let begin = 0, long = length, cycle = 0;
      if (mult === 1) { cycle = spansPassed(t, length); begin = cycle * length; }
      else while (t >= begin + long - ROUNDING) { begin += long; long *= mult; cycle += 1; }
      return low + 0.5 * (max(x.lr * shrink ** cycle, low) - low) * (1 + cos(PI * (t - begin) / long));
    };
    const lines = mult === 1 ? [
      `cycle = math.floor(${PAST} / ${num(length)})  # a millionth of a step is rounding`,
      `z = step / ${num(length)} - cycle`,
    ] : [
      `begin, length, cycle = 0, ${num(length)}, 0`,
      "while step >= begin + length - 1e-6:  # a millionth of a step is rounding",
      `    begin, length, cycle = begin + length, length * ${num(mult)}, cycle + 1`,
      "z = (step - begin) / length",
    ];
    let high = shrink === 1 ? x.peak : `${x.peak} * ${num(shrink)} ** cycle`;
    if (shrink !== 1 && low) { lines.push(`high = max(${high}, ${num(low)})`); high = "high"; }
    return [rate, [...lines, `return ${between(low, high, "(1 + math.cos(math.pi * z)) / 2")}`]];
  },
  noam(x) {
    const climb = x.span("warmup"), { stride } = x.horizon, update = `(step + ${stride})`;
    return [(t) => x.lr * min((t + stride) / climb, sqrt(climb / (t + stride))),
      [`return ${x.peak} * min(${update} / ${num(climb)}, math.sqrt(${num(climb)} / ${update}))`]];
  },
  onecycle(x) {
    const turn = stepsOf(x.v.up, x.horizon), low = x.low("start"), end = x.low("end"), way = PASSED[x.v.shape];
    check(turn < x.total, "onecycle wants up below 100%.");
    const climb = wayText(x.v.shape, `step / ${num(turn)}`);
    const fall = wayText(x.v.shape, turn ? `(step - ${num(turn)}) / ${num(x.total - turn)}` : `step / ${x.total}`);
    return [
      (t) => (t < turn ? low + (x.lr - low) * way(t / turn) : x.lr + (end - x.lr) * way((t - turn) / (x.total - turn))),
      [...(turn ? [`if step < ${num(turn)}:`, `    return ${x.above("start", climb)}`] : []),
        `return ${x.peak} + (${num(end)} - ${x.peak}) * ${fall}`]];
  },
  wsd(x) {
    const low = x.low("floor"), asked = stepsOf(x.v.cooldown, x.horizon.whole), down = min(asked, x.total);
    check(asked <= x.total + 0.5, "wsd: the cooldown is more than is left.");
    if (!down) return [() => x.lr, [`return ${x.peak}`]];
    return [(t) => low + (x.lr - low) * (1 - PASSED[x.v.shape](max(t - (x.total - down), 0) / down)),
      [`z = max(step - ${num(x.total - down)}, 0) / ${num(down)}`, `return ${x.above("floor", LEFT[x.v.shape])}`]];
  },
};

function def(name, doc, body) { return ["", "", `def ${name}(step):`, `    """${doc}"""`, ...body.map((each) => `    ${each}`)]; }

function join(schedule, horizon, prefix) {
  const x = new Numbers("join", schedule.values, horizon, schedule.lr), pieces = schedule.values.pieces;
  const begins = [0, ...x.boundaries().map(rounded)], ends = [...begins.slice(1), horizon.steps];
  check(pieces.length === begins.length, "join wants one piece more than boundaries.");
  check(begins.every((begin, i) => begin < ends[i]), "join leaves a piece without a step.");
  const lines = [], body = [];
  const rates = pieces.map(({ piece }, i) => {
    const name = `${prefix}piece_${i + 1}`;
    const [rate, text] = build(piece, horizon.piece(ends[i] - begins[i]), name, `${name}_`);
    lines.push(...text);
    const call = `return ${name}(step${begins[i] ? ` - ${begins[i]}` : ""})`;
    body.push(...(i + 1 === pieces.length ? [call] : [`if step < ${ends[i]}:`, `    ${call}`]));
    return rate;
  });
  return [(t) => { const i = countPassed(begins, t) - 1; return rates[i](t - begins[i]); }, lines, body];
}

const LAYERS = { hold: "held", warmup: "warmed_up", cooldown: "cooled_down", per: "per_epoch" };

function layersOf(schedule) {
  return Object.keys(LAYERS).filter((key) => ENTRIES[schedule.name].modifiers.includes(key)
    && (key === "per" ? schedule.values.per === "epoch" : schedule.values[key].value));
}

/** [rate(t), lines of Python]: the curve inside, and around it hold, warmup, cooldown and per. */
function build(schedule, whole, name, prefix) {
  const v = schedule.values, has = layersOf(schedule), horizon = has.includes("per") ? whole.perEpoch : whole;
  for (const [key, standard] of [["warmup_shape", "linear"], ["warmup_start", "none"], ["cooldown_shape", "linear"]]) {
    const of = key.split("_")[0];
    check(!ENTRIES[schedule.name].modifiers.includes(key) || has.includes(of)
      || (schedule.given[key] ?? standard) === standard, `${key} wants a ${of}.`);
  }
  const names = [`${prefix}curve`, ...has.map((key) => prefix + LAYERS[key])];
  names[names.length - 1] = name;
  const climb = has.includes("warmup") ? rounded(stepsOf(v.warmup, horizon)) : 0;
  const down = has.includes("cooldown") ? stepsOf(v.cooldown, horizon) : 0;
  const asked = has.includes("hold") ? rounded(stepsOf(v.hold, horizon)) : 0;
  check(climb + asked < horizon.steps, `warmup and hold leave nothing of the ${many(horizon.steps)} steps.`);
  check(climb + asked + down <= horizon.steps + 0.5, "cooldown is more than is left.");
  const wait = has.includes("hold") ? rounded(stepsOf(v.hold, horizon.after(climb))) : 0;
  const inside = horizon.after(climb + wait), lines = [];
  let rate, body;
  if (schedule.name === "join") {
    const [joined, before, own] = join(schedule, inside, prefix);
    lines.push(...before); [rate, body] = [joined, own];
  } else [rate, body] = CURVES[schedule.name](new Numbers(schedule.name, v, inside, schedule.lr));
  lines.push(...def(names[0], ENTRIES[schedule.name].summary, body));
  has.forEach((key, i) => {
    const [inner, of, outer] = [rate, names[i], names[i + 1]];
    if (key === "hold") {
      rate = (t) => inner(max(t - wait, 0));
      lines.push(...def(outer, `Stay at the first rate for ${many(wait)} updates.`, [`return ${of}(max(step - ${wait}, 0))`]));
    } else if (key === "warmup") {
      const start = v.warmup_start && rateOf(v.warmup_start, schedule.lr), way = PASSED[v.warmup_shape], peak = inner(0);
      check(start === null || (0 <= start && start <= peak), "warmup_start wants a rate between 0 and the first one.");
      const { stride } = horizon;
      rate = (t) => (t >= climb ? inner(t - climb)
        : start !== null ? start + (peak - start) * way(t / climb) : peak * way((t + stride) / (climb + stride)));
      const text = wayText(v.warmup_shape, start === null ? `(step + ${stride}) / ${climb + stride}` : `step / ${climb}`);
      const climbed = `return ${of}(step - ${climb})`;
      lines.push(...def(outer, `Climb to the first rate in ${many(climb)} updates.`,
        climb ? [`if step < ${climb}:`, `    return ${between(start || 0, `${of}(0)`, text)}`, climbed] : [climbed]));
    } else if (key === "cooldown") {
      const long = min(down, horizon.steps), begin = horizon.steps - long, way = PASSED[v.cooldown_shape];
      rate = (t) => inner(t) * (1 - way(min(max(t - begin, 0) / long, 1)));
      lines.push(...def(outer, `Fall to 0 in the last ${num(long)} updates.`,
        [`z = max(step - ${num(begin)}, 0) / ${num(long)}`, `return ${of}(step) * ${LEFT[v.cooldown_shape]}`]));
    } else {
      rate = (t) => inner(t - t % horizon.each);
      lines.push(...def(outer, "The rate of an epoch's first step serves the whole epoch.", [`return ${of}(step - step % ${horizon.each})`]));
    }
  });
  return [rate, lines];
}

function table(schedule, horizon, most = Infinity) {
  const [rate] = build(schedule, horizon, "rate", "");
  const count = min(horizon.steps, most);
  return Float64Array.from({ length: count }, (_, i) => rate(count === horizon.steps ? i : floor(i * (horizon.steps - 1) / (count - 1))));
}

// ---- the code for Keras

const decimalNum = (x) => (Number.isInteger(x) && !num(x).includes("e") ? `${num(x)}.0` : num(x));

function decay(kind, x) {
  const length = stepsOf(x.v.every, x.horizon), stairs = x.v.staircase ?? kind === "ExponentialDecay";
  if ((x.v.power ?? 1) !== 1 || (stairs && !Number.isInteger(length))) return null;
  return [kind, { initial_learning_rate: decimalNum(x.lr), decay_steps: num(length), decay_rate: num(x.v.gamma), ...(stairs ? { staircase: "True" } : {}) }];
}
function piecewiseConstant(x) {
  const at = x.v.at.map((each) => Math.ceil(stepsOf(each, x.horizon)) - 1);
  const rates = x.v.rates ? x.v.rates.map((each) => rateOf(each, x.lr)) : [0, ...at].map((_, i) => x.lr * x.v.gamma ** i);
  return ["PiecewiseConstantDecay", { boundaries: list(at), values: `[${rates.map(decimalNum).join(", ")}]` }];
}
function polynomialDecay(x) {
  const power = x.v.power ?? 1;
  if ((x.v.k ?? 1) !== 1 || power < 1) return null;
  return ["PolynomialDecay", { initial_learning_rate: decimalNum(x.lr), decay_steps: num(x.total), end_learning_rate: num(rateOf(x.v.to, x.lr)), power: num(power) }];
}
function cosineDecay(x) {
  if (x.v.k !== 1) return null;
  return ["CosineDecay", { initial_learning_rate: decimalNum(x.lr), decay_steps: num(x.total), alpha: num(rateOf(x.v.floor, x.lr) / x.lr) }];
}
function cosineWarmedUp(x) {
  const climb = rounded(stepsOf(x.v.warmup, x.horizon));
  const own = cosineDecay(new Numbers(x.name, x.v, x.horizon.after(climb), x.lr));
  if (!own || !climb) return null;
  own[1].initial_learning_rate = decimalNum(x.v.warmup_start ? rateOf(x.v.warmup_start, x.lr) : x.lr / (climb + 1));
  return [own[0], { ...own[1], warmup_target: decimalNum(x.lr), warmup_steps: num(climb) }];
}
function decayRestarts(x) {
  const { mult, shrink } = x.v, length = stepsOf(x.v.first, x.horizon), low = rateOf(x.v.floor, x.lr);
  if (mult !== 1 || !Number.isInteger(length) || (shrink !== 1 && low)) return null;
  return ["CosineDecayRestarts", { initial_learning_rate: decimalNum(x.lr), first_decay_steps: num(length), t_mul: "1.0", m_mul: num(shrink), alpha: num(low / x.lr) }];
}
const OWN = {
  step: (x) => decay("ExponentialDecay", x), exponential: (x) => decay("ExponentialDecay", x),
  inverse_time: (x) => decay("InverseTimeDecay", x), multistep: piecewiseConstant, piecewise: piecewiseConstant,
  linear: polynomialDecay, polynomial: polynomialDecay, cosine: cosineDecay, restarts: decayRestarts,
};

function script(schedule, horizon) {
  const x = new Numbers(schedule.name, schedule.values, horizon, schedule.lr);
  const modified = Object.keys(schedule.given).filter((key) => ENTRIES[schedule.name].modifiers.includes(key));
  const head = [`# ${spec(schedule)}`, `# for ${horizon.epochs} epochs of ${many(horizon.each)} updates, ${many(horizon.steps)} in all`];
  const tail = (rate) => [`optimizer = keras.optimizers.SGD(learning_rate=${rate})`, 'print("first rate:", float(optimizer.learning_rate))', ""];
  const warm = schedule.name === "cosine" && modified.includes("warmup") && modified.every((key) => /^warmup(_start)?$/.test(key));
  const own = horizon.steps > 2 ** 24 || !OWN[schedule.name] || (modified.length && !warm) ? null
    : warm ? cosineWarmedUp(x) : OWN[schedule.name](x);
  const [, lines] = build(schedule, horizon, "rate", "");
  if (own) {
    const call = Object.entries(own[1]).map(([key, value]) => `    ${key}=${value},`);
    return ["import keras", "", ...head, `schedule = keras.optimizers.schedules.${own[0]}(`, ...call, ")", ...tail("schedule")].join("\n");
  }
  if (spec(schedule, schedule.lr) === "constant") return ["import keras", "", ...head, ...tail(decimalNum(schedule.lr))].join("\n");
  const imports = lines.some((each) => each.includes("math.")) ? ["import math", "", "import keras", ""] : ["import keras", ""];
  const rates = START.table.replace("{total}", horizon.steps).replace("{last}", horizon.steps - 1);
  return [...imports, ...head, ...lines, ...rates.split("\n"), ...tail("Rates()")].join("\n");
}

// ---- styles: the rules of lrbench/show/styles.py; a test holds both to be the same

function withoutRate(label) {
  const found = /^([^(]*?)\s*\(([^]*)\)$/.exec(label), parts = found ? found[2].split(/,(?![^()]*\))/) : [];
  const kept = parts.filter((part) => !/^\s*lr\s*=/.test(part)).map((part) => part.trim());
  return !found || kept.length === parts.length ? label : kept.length ? `${found[1]}(${kept.join(", ")})` : found[1];
}
function hash(text) {
  let digest = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) digest = Math.imul(digest ^ byte, 0x01000193) >>> 0;
  return (digest ^ (digest >>> 15)) >>> 0;
}
function ownStyle(key) {
  const { colours, strokes, markers, fixed } = STYLES, digest = hash(key);
  return Object.hasOwn(fixed, key) ? fixed[key] : [1 + digest % (colours.length - 1), floor(digest / 64) % (strokes.length * markers)];
}
function freePattern(pattern, taken) {
  const { strokes, markers } = STYLES, all = strokes.length * markers, order = Array.from({ length: all }, (_, i) => (pattern + i) % all);
  const noStroke = (each) => taken.every((other) => each % strokes.length !== other % strokes.length);
  const noMarker = (each) => taken.every((other) => each % markers !== other % markers);
  return order.find((each) => noStroke(each) && noMarker(each)) ?? order.find(noMarker) ?? order.find((each) => !taken.includes(each)) ?? pattern;
}
function styles(labels) { // { label: [colour, dashes, pattern] }
  const { colours, strokes, fixed } = STYLES, known = Object.keys(fixed), taken = {}, found = {};
  const place = (label) => (Object.hasOwn(fixed, withoutRate(label)) ? known.indexOf(withoutRate(label)) : known.length);
  const distinct = [...new Set(labels)].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  const plain = distinct.map(withoutRate);
  const keys = distinct.map((label, i) => (plain.filter((each) => each === plain[i]).length > 1 ? label : plain[i]));
  const isOwn = (i) => !Object.hasOwn(fixed, keys[i]);
  for (const i of [...distinct.keys()].sort((a, b) => isOwn(a) - isOwn(b) || a - b)) {
    const [ink, preferred] = ownStyle(keys[i]), pattern = freePattern(preferred, taken[ink] ??= []);
    taken[ink].push(pattern);
    found[distinct[i]] = [colours[ink], strokes[pattern % strokes.length], pattern];
  }
  return found;
}

// ---- the page

const MOST_STEPS = 100000, MOST_CURVES = 16;
const $ = (id) => document.getElementById(id);
let shown = []; // { text, card }
let settings = { epochs: 15, steps: 1719, lr: 0.1 };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value); else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}
const four = (x) => num(Number(x.toPrecision(4)));

function horizonNow() {
  for (const [key, least] of [["epochs", 1], ["steps", 1]]) {
    check(Number.isInteger(settings[key]) && settings[key] >= least, `${key === "steps" ? "Steps per epoch" : "Epochs"}: a whole number from 1.`);
  }
  check(settings.epochs * settings.steps <= 1e8, "At most 100,000,000 updates.");
  check(settings.lr > 0 && isFinite(settings.lr), "The peak rate: a number above 0.");
  return new Horizon(settings.epochs, settings.steps);
}

function fragment() {
  const words = new URLSearchParams({ epochs: settings.epochs, steps: settings.steps, lr: settings.lr });
  for (const { text } of shown) words.append("s", text);
  return `#${words}`;
}

function restore() {
  const words = new URLSearchParams(location.hash.slice(1));
  settings = {
    epochs: Number(words.get("epochs") ?? START.epochs), steps: Number(words.get("steps") ?? START.steps), lr: Number(words.get("lr") ?? START.lr),
  };
  for (const key of Object.keys(settings)) $(key).value = settings[key];
  shown = (words.has("s") ? words.getAll("s") : START.specs).slice(0, MOST_CURVES).map((text) => ({ text }));
  $("cards").replaceChildren();
  shown.forEach(card);
  refresh();
}

const LIMITS = { span: 100, rate: 100, optional: 100 };

function field(each, key, { kind, standard, choices, most }) {
  const words = (() => { try { return parse(each.text, settings.lr); } catch { return null; } })();
  const value = words?.given[key] ?? standard;
  const set = (text) => {
    try {
      const schedule = parse(each.good ?? each.text, settings.lr); // half a word may stand there now
      if (text === standard) delete schedule.given[key]; else schedule.given[key] = text;
      each.text = ordered(schedule);
    } catch { return; }
    each.word.value = each.text;
    refresh();
  };
  const id = `${each.id}-${key}`;
  let inputs;
  if (choices) {
    const box = make("select", { id, onchange: () => set(box.value) }, ...choices.map((word) => make("option", word === value ? { selected: "" } : {}, word)));
    inputs = [box];
  } else {
    const text = make("input", { id, value, autocomplete: "off", spellcheck: "false", oninput: () => set(text.value.trim()) });
    inputs = [text];
    const limit = LIMITS[kind] ?? most;
    if (limit) {
      const slider = make("input", {
        type: "range", min: 0, max: limit, step: limit / 200, value: parseFloat(value) || 0, "aria-label": `${key}, as a slider`,
        oninput: () => { text.value = kind === "number" ? slider.value : `${slider.value}%`; set(text.value); },
      });
      text.addEventListener("input", () => { slider.value = parseFloat(text.value) || 0; });
      inputs.push(slider);
    }
  }
  return make("div", { class: "field" }, make("label", { for: id }, key), ...inputs);
}

function ordered(schedule) { // the keys in the registry's order, the peak rate only where it is not the page's
  const given = {};
  for (const key of Object.keys(ENTRIES[schedule.name].parameters)) if (key in schedule.given) given[key] = schedule.given[key];
  return spec({ ...schedule, given }, settings.lr);
}

let cards = 0;
function card(each) {
  each.id = `c${cards++}`;
  const index = shown.indexOf(each);
  const word = make("input", {
    class: "spec", value: each.text, "aria-label": "Spec of the schedule", autocomplete: "off", spellcheck: "false",
    oninput: () => { each.text = word.value; refresh(); },
    onchange: () => fields(),
  });
  const sample = make("span", { class: "sample", "aria-hidden": "true" }); // holds a line as it is drawn, on paper, too
  const said = make("p", { class: "said", role: "status" });
  const box = make("details", { class: "parameters", open: "" }, make("summary", {}, "Parameters"));
  const code = make("pre", { tabindex: "0", "aria-label": "Code for Keras" });
  const copy = copyButton("Copy the code", () => code.textContent);
  const copySpec = copyButton("Copy the spec", () => each.text);
  const remove = make("button", { type: "button", onclick: () => { shown.splice(shown.indexOf(each), 1); each.card.remove(); refresh(); $("name").focus(); } }, "Remove");
  function fields() {
    let name = "";
    try { ({ name } = parse(each.text, settings.lr)); } catch { return; }
    const all = Object.entries(ENTRIES[name].parameters).map(([key, parameter]) => [key, field(each, key, parameter)]);
    const modifiers = ENTRIES[name].modifiers;
    box.replaceChildren(
      make("summary", {}, "Parameters"),
      make("p", { class: "note" }, ENTRIES[name].summary, make("br"), ENTRIES[name].formula),
      ...all.filter(([key]) => !modifiers.includes(key)).map(([, one]) => one),
      make("h3", {}, "Warm-up, hold, cooldown"),
      ...all.filter(([key]) => modifiers.includes(key)).map(([, one]) => one));
  }
  Object.assign(each, { word, sample, said, code });
  fields();
  each.card = make("section", { "aria-label": `Schedule ${index + 1}` },
    make("div", { class: "head" }, sample, word), said, make("p", { class: "buttons" }, copySpec, remove), box,
    make("details", {}, make("summary", {}, "Code for Keras"), copy, code));
  $("cards").append(each.card);
}

function copyButton(name, text) {
  let later;
  const button = make("button", { type: "button", onclick: async () => {
    button.textContent = (await copied(text(), button)) ? "Copied" : "Mark it and copy by hand";
    clearTimeout(later);
    later = setTimeout(() => { button.textContent = name; }, 1500);
  } }, name);
  return button;
}

async function copied(text, button) { // whether it could be
  try { await navigator.clipboard.writeText(text); return true; } catch {
    const area = make("textarea", {}); // where the page may not use the clipboard
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    button.focus();
    return done;
  }
}

function refresh() {
  const lines = [];
  let horizon = null;
  try { horizon = horizonNow(); $("problem").textContent = ""; } catch (error) { $("problem").textContent = error.message; }
  const called = (text) => START.labels[text] ?? text; // as lrbench preview and the other pictures call it
  const drawn = styles(shown.map(({ text }) => called(text)));
  shown.forEach((each) => {
    const [colour, dashes] = drawn[called(each.text)];
    each.sample.innerHTML = `<svg viewBox="0 0 34 8"><line class="line" style="--c: ${colour}" stroke-dasharray="${dashes}" x1="1" x2="33" y1="4" y2="4"/></svg>`;
    each.said.className = "said";
    try {
      check(horizon, "No curve without a horizon.");
      const schedule = parse(each.text, settings.lr), rates = table(schedule, horizon, MOST_STEPS);
      check(rates.every((rate) => rate >= 0 && isFinite(rate)), "A rate would be negative or not finite.");
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      each.said.textContent = `first ${four(rates[0])}, mean ${four(mean)}, last ${four(rates.at(-1))}`;
      each.code.textContent = script(schedule, horizon);
      each.good = each.text;
      lines.push({ label: each.text, rates, colour, dashes });
    } catch (error) {
      each.said.textContent = error.message;
      each.said.className = "said wrong";
      each.code.textContent = "";
    }
  });
  $("add").disabled = shown.length >= MOST_CURVES;
  draw(lines, horizon);
  if (location.hash !== fragment()) history.replaceState(null, "", fragment());
}

function nice(top) { // a round number of which 3 to 6 reach the top
  const power = 10 ** floor(Math.log10(top / 4));
  return power * [1, 2, 2.5, 5, 10].find((each) => top / (power * each) <= 6);
}

function draw(lines, horizon) {
  const svg = $("chart"), width = max(svg.clientWidth, 280), height = width < 600 ? 240 : 340;
  const left = 62, right = 12, top = 12, bottom = 40;
  const highest = max(...lines.map(({ rates }) => rates.reduce((a, b) => max(a, b), 0)), 0) || 1;
  const epochs = horizon ? horizon.epochs : 1;
  const x = (share) => left + share * (width - left - right), y = (rate) => height - bottom - rate / (1.04 * highest) * (height - top - bottom);
  const parts = [];
  const by = nice(highest), wide = epochs <= 4 ? 1 : max(1, Math.round(nice(epochs)));
  for (let i = 0; i * by <= highest * 1.04; i++) {
    parts.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(i * by)}" y2="${y(i * by)}"/>`,
      `<text class="y" x="${left - 6}" y="${y(i * by) + 4}">${four(i * by)}</text>`);
  }
  for (let epoch = 0; epoch <= epochs; epoch += wide) parts.push(`<text x="${x(epoch / epochs)}" y="${height - bottom + 18}">${epoch}</text>`);
  parts.push(`<text x="${x(0.5)}" y="${height - 4}">epochs</text>`);
  for (const { rates, colour, dashes } of lines) {
    const points = [];
    const columns = min(rates.length, 700);
    for (let i = 0; i < columns; i++) { // the lowest and the highest of each column, so that no jump is lost
      const begin = floor(i * rates.length / columns), end = floor((i + 1) * rates.length / columns);
      let low = begin, high = begin;
      for (let j = begin; j < end; j++) { if (rates[j] < rates[low]) low = j; if (rates[j] > rates[high]) high = j; }
      for (const j of [...new Set([low, high])].sort((a, b) => a - b)) points.push(`${x((j + 0.5) / rates.length).toFixed(1)} ${y(rates[j]).toFixed(1)}`);
    }
    const path = points.length === 1 ? `M${x(0)} ${y(rates[0])}H${x(1)}` : `M${points.join("L")}`;
    parts.push(`<path class="line" style="--c: ${colour}" stroke-dasharray="${dashes}" d="${path}"/>`);
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", `Learning rate by epoch: ${lines.map(({ label }) => label).join("; ") || "no curve"}`);
  svg.innerHTML = parts.join(""); // numbers and colours only
}

for (const name of Object.keys(ENTRIES)) $("name").append(make("option", { value: name }, `${name}: ${ENTRIES[name].summary}`));
for (const key of ["epochs", "steps", "lr"]) $(key).addEventListener("input", () => { settings[key] = $(key).value === "" ? NaN : Number($(key).value); refresh(); });
$("add").addEventListener("click", () => { const each = { text: $("name").value }; shown.push(each); card(each); refresh(); each.word.focus(); });
addEventListener("hashchange", () => { if (location.hash !== fragment()) restore(); });
addEventListener("resize", refresh);
restore();

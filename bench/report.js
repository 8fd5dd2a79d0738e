'use strict';

const { SERVERS } = require('./server');

/**
 * @typedef {object} Result What came out of one scenario
 * @property {string} name Its name
 * @property {string} title Its title
 * @property {Record<string, import('./measure').Sample[]>} samples By server
 * @property {Record<string, import('./measure').Sample>} medians By server
 * @property {Record<string, string>} failures By server: why there is nothing
 *
 * @typedef {object} Column
 * @property {string} title Its head
 * @property {string} metric What it shows
 * @property {(value: number) => string} format How
 * @property {((ratio: number) => string)} [ratio] How the ratio to `ws` is
 *   shown beside it
 */

/** @type {Column[]} */
const flowColumns = [
  { title: 'msg/s', metric: 'rate', format: large, ratio: times },
  { title: 'CPU µs', metric: 'cpu', format: digits, ratio: share },
  { title: 'main µs', metric: 'main', format: digits, ratio: share },
  { title: 'p50 µs', metric: 'p50', format: digits, ratio: times },
  { title: 'p99 µs', metric: 'p99', format: digits, ratio: times },
  { title: 'load', metric: 'busy', format: percent }
];

/** @type {Column[]} */
const memoryColumns = [
  { title: 'bytes', metric: 'bytes', format: digits, ratio: share }
];

/**
 * The median of every metric.
 *
 * @param {import('./measure').Sample[]} samples The measurements
 * @return {import('./measure').Sample} The medians
 */
function medianOf(samples) {
  return Object.fromEntries(
    Object.keys(samples[0]).map((metric) => [
      metric,
      median(samples.map((sample) => sample[metric]))
    ])
  );
}

/**
 * @param {number[]} values Some values
 * @return {number} Their median
 */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;

  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The part of the table that shows one scenario.
 *
 * @param {Result} result The result
 * @return {string} Some lines
 */
function table(result) {
  const { medians } = result;
  const columns = columnsOf([result]);
  const lines = [
    [
      result.name.padEnd(26),
      ...columns.map(({ title, ratio }) => cells(title, ratio ? 'x ws' : ''))
    ].join('')
  ];

  for (const [server, sample] of Object.entries(medians)) {
    lines.push(
      [
        `  ${server}`.padEnd(26),
        ...columns.map(({ metric, format, ratio }) => {
          const reference = medians.ws?.[metric];
          const compared =
            ratio === undefined || reference === undefined || server === 'ws'
              ? ''
              : ratio(sample[metric] / reference);

          return cells(format(sample[metric]), compared);
        })
      ].join('')
    );
  }
  for (const [server, reason] of Object.entries(result.failures)) {
    lines.push(`  ${server.padEnd(24)}${gist(reason)}`);
  }

  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/**
 * One block per metric: a line for each value of what grows, a column for each
 * server.
 *
 * @param {import('./rounds').CurveResult} curve The curve
 * @return {string} Some lines
 */
function curveTable(curve) {
  const { points } = curve;
  const servers = serversOf(points);
  const columns = columnsOf(points).filter(({ ratio }) => ratio !== undefined);
  const lines = [`${curve.name}: ${curve.title}`];

  for (const { title, metric, format } of columns) {
    lines.push(
      `  ${`${title} by ${curve.axis}`.padEnd(32)}${servers
        .map((server) => server.padStart(14))
        .join('')}`
    );
    for (const { x, medians } of points) {
      const values = servers.map((server) => {
        const value = medians[server]?.[metric];

        return (value === undefined ? '-' : format(value)).padStart(14);
      });

      lines.push(`  ${String(x).padStart(12).padEnd(32)}${values.join('')}`);
    }
  }
  for (const { x, failures } of points) {
    for (const [server, reason] of Object.entries(failures)) {
      lines.push(`  ${x}, ${server}: ${gist(reason)}`);
    }
  }

  return `${lines.join('\n')}\n`;
}

/**
 * @param {Result[]} results Some results
 * @return {string[]} The servers that were measured, or failed, in their order
 */
function serversOf(results) {
  return SERVERS.filter((server) =>
    results.some(
      ({ medians, failures }) => server in medians || server in failures
    )
  );
}

/**
 * @param {Result[]} results Results of one kind
 * @return {Column[]} What there is to show of them
 */
function columnsOf(results) {
  const isMemory = results.some(({ medians }) =>
    Object.values(medians).some((sample) => 'bytes' in sample)
  );

  return isMemory ? memoryColumns : flowColumns;
}

/**
 * The table of the targets.
 *
 * @param {import('./targets').Verdict[]} verdicts The verdicts
 * @return {string} Some lines
 */
function verdictTable(verdicts) {
  const lines = verdicts.map((verdict) => {
    const { scenario, metric, against, atLeast, atMost, ratio } = verdict;
    const cost = atLeast === undefined && metric !== 'p50';
    const format = cost ? share : times;
    const wanted =
      atLeast === undefined
        ? `at most ${format(Number(atMost))}`
        : `at least ${format(atLeast)}`;

    return [
      scenario.padEnd(26),
      `${metric} to ${against}`.padEnd(14),
      wanted.padEnd(16),
      (Number.isNaN(ratio) ? 'not measured' : format(ratio)).padEnd(14),
      verdict.reached ? 'reached' : 'NOT REACHED'
    ].join('');
  });

  return `${lines.join('\n')}\n`;
}

/**
 * @param {string} value A value
 * @param {string} ratio What stands beside it
 * @return {string} Both at their widths
 */
function cells(value, ratio) {
  return value.padStart(9) + ratio.padStart(7);
}

/**
 * @param {number} value A number
 * @return {string} The number with three digits that matter
 */
function digits(value) {
  if (value >= 100) return value.toFixed(0);

  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * @param {number} value A number
 * @return {string} The number in thousands or millions
 */
function large(value) {
  if (value >= 1e6) return `${digits(value / 1e6)}M`;

  return value >= 1000 ? `${digits(value / 1000)}k` : digits(value);
}

/**
 * @param {number} value A share of one
 * @return {string} The share in percent
 */
function percent(value) {
  return `${(value * 100).toFixed(0)}%`;
}

/**
 * The line of an error that says what happened: of a stack, the message.
 *
 * @param {string} text The error
 * @return {string} One line of it
 */
function gist(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');

  const line = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0] ?? '';

  return line.replace(/^ws-load: /, '');
}

/**
 * @param {number} ratio A ratio
 * @return {string} The ratio as a factor
 */
function times(ratio) {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)}x`;
}

/**
 * @param {number} ratio A ratio of costs
 * @return {string} The ratio as a fraction where it is clearly less than one
 */
function share(ratio) {
  if (!(ratio > 0)) return '0';

  return ratio < 0.95 ? `1/${(1 / ratio).toFixed(1)}` : times(ratio);
}

module.exports = {
  curveTable,
  digits,
  gist,
  large,
  medianOf,
  serversOf,
  share,
  table,
  times,
  verdictTable
};

'use strict';

/** The plots of a run, and the names and units that its tables share. */

const { dotPlot, linePlot } = require('./plot');
const { digits, large, serversOf, share, times } = require('./report');

/** @type {Record<string, string>} */
const LABELS = {
  ws: 'ws',
  uws: 'uWebSockets.js',
  'uws-dedicated': 'uWebSockets.js, dedicated',
  native: 'ws-native',
  bare: 'bare loop'
};

/** What a plot and a table show of the messages that flow. */
const METRICS = {
  rate: { title: 'messages/s', format: large, ratio: times },
  cpu: { title: 'µs of the server', format: digits, ratio: share },
  main: { title: 'µs of its main thread', format: digits, ratio: share },
  p50: { title: 'median, µs', format: digits, ratio: times },
  p99: { title: '99th percentile, µs', format: digits, ratio: times },
  bytes: { title: 'bytes', format: size, ratio: share }
};

/**
 * @param {import('./record').Run} record The results
 * @return {Record<'flows' | 'compressed' | 'memory', import('./report').Result[]>}
 *   What is shown in the same tables
 */
function kindsOf({ results }) {
  const isMemory = (/** @type {import('./report').Result} */ { medians }) =>
    Object.values(medians).some((sample) => 'bytes' in sample);
  const isCompressed = (/** @type {import('./report').Result} */ { name }) =>
    name.startsWith('deflate-');
  const moving = results.filter((result) => !isMemory(result));

  return {
    flows: moving.filter((result) => !isCompressed(result)),
    compressed: moving.filter(isCompressed),
    memory: results.filter(isMemory)
  };
}

/**
 * @typedef {object} Plot
 * @property {string} name The name of its file
 * @property {string} title What it shows
 * @property {string} svg Its content
 */

/**
 * @param {import('./record').Run} record The results
 * @return {Plot[]} Everything that is drawn of them
 */
function plotsOf(record) {
  const { flows, compressed, memory } = kindsOf(record);
  const moving = [...flows, ...compressed];

  return [
    ratioPlot(moving, 'rate', 'Messages per second', 'further right is faster'),
    ratioPlot(
      moving,
      'main',
      'CPU time of the main thread per message',
      'further left is cheaper'
    ),
    ...(memory.length > 0 ? [memoryPlot(memory)] : []),
    ...record.curves.flatMap((curve) =>
      metricsOf(curve).map((metric) => curvePlot(curve, metric))
    )
  ];
}

/**
 * @param {import('./report').Result[]} results Some results
 * @param {'rate' | 'main'} metric What of them
 * @param {string} title The title
 * @param {string} direction Which side is the better one
 * @return {Plot} A plot of ratios to `ws`
 */
function ratioPlot(results, metric, title, direction) {
  const rows = results
    .filter(({ medians }) => 'ws' in medians)
    .map((result) => ({
      label: shortened(result.title),
      values: Object.fromEntries(
        Object.entries(result.medians).map(([server, sample]) => [
          server,
          sample[metric] / result.medians.ws[metric]
        ])
      )
    }));

  return {
    name: metric,
    title,
    svg: dotPlot({
      title,
      subtitle: `as a multiple of ws in the same run; ${direction}`,
      series: seriesOf(results),
      rows,
      baseline: 1,
      format: (ratio) => (ratio < 1 ? share(ratio) : times(ratio))
    })
  };
}

/**
 * @param {import('./report').Result[]} results Some results
 * @return {Plot} A plot of their memory
 */
function memoryPlot(results) {
  const title = 'Resident memory per connection';

  return {
    name: 'memory',
    title,
    svg: dotPlot({
      title,
      subtitle: 'further left is cheaper',
      series: seriesOf(results),
      rows: results.map((result) => ({
        label: shortened(result.title.replace('memory per ', '')),
        values: Object.fromEntries(
          Object.entries(result.medians).map(([server, sample]) => [
            server,
            sample.bytes
          ])
        )
      })),
      isBinary: true,
      format: size
    })
  };
}

/**
 * @param {import('./rounds').CurveResult} curve A curve
 * @param {keyof typeof METRICS} metric What of it
 * @return {Plot} A plot of that
 */
function curvePlot(curve, metric) {
  const title = `${naming(metric)} by ${curve.axis}`;

  return {
    name: `${curve.name}-${metric}`,
    title: title[0].toUpperCase() + title.slice(1),
    svg: linePlot({
      title: title[0].toUpperCase() + title.slice(1),
      subtitle: curve.title,
      axis: curve.axis,
      series: seriesOf(curve.points),
      rows: curve.points.map(({ x, medians }) => ({
        label: label(curve, x),
        values: Object.fromEntries(
          Object.entries(medians).map(([server, sample]) => [
            server,
            sample[metric]
          ])
        )
      })),
      // A message of a megabyte costs thousands of times what a short one does.
      isLog: curve.unit === 'bytes',
      isBinary: metric === 'bytes',
      format: METRICS[metric].format
    })
  };
}

/**
 * @param {import('./rounds').CurveResult} curve A curve
 * @return {(keyof typeof METRICS)[]} What is shown of it
 */
function metricsOf({ points }) {
  const isMemory = points.some(({ medians }) =>
    Object.values(medians).some((sample) => 'bytes' in sample)
  );

  return isMemory ? ['bytes'] : ['rate', 'cpu', 'main'];
}

/**
 * @param {keyof typeof METRICS} metric A metric
 * @return {string} Its name for people
 */
function naming(metric) {
  const names = {
    rate: 'messages/s',
    cpu: 'CPU µs per message',
    main: 'main thread µs per message',
    p50: 'p50 µs',
    p99: 'p99 µs',
    bytes: 'bytes per connection'
  };

  return names[metric];
}

/**
 * @param {import('./report').Result[]} results Some results
 * @return {import('./plot').Series[]} Their series
 */
function seriesOf(results) {
  return serversOf(results).map((name) => ({ name, label: LABELS[name] }));
}

/**
 * @param {import('./rounds').CurveResult} curve A curve
 * @param {number} x A value of what grows
 * @return {string} The value for people
 */
function label({ unit }, x) {
  return unit === 'bytes' ? size(x) : String(x);
}

/**
 * @param {number} bytes A size
 * @return {string} The size in a unit of three digits or less
 */
function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;

  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;

  const rounded =
    Number.isInteger(value) || value >= 100
      ? value.toFixed(0)
      : value.toPrecision(2);

  return `${rounded} ${units[unit]}`;
}

/**
 * @param {string} title The title of a scenario
 * @return {string} As much of it as a plot has room for
 */
function shortened(title) {
  return title
    .replace('connections', 'conns')
    .replace('connection', 'conn')
    .replace('compressed', 'deflate')
    .replace(': deliveries', '');
}

module.exports = {
  LABELS,
  METRICS,
  kindsOf,
  label,
  metricsOf,
  naming,
  plotsOf
};

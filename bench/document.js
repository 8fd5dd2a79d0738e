'use strict';

/**
 * docs/performance.md from the results of a run: the part of it between the
 * two marks, its plots, and the figures themselves.
 */

const fs = require('node:fs');
const path = require('node:path');

const { dotPlot, linePlot } = require('./plot');
const { summary, write } = require('./record');
const { digits, gist, large, serversOf, share, times } = require('./report');

const docs = path.join(__dirname, '..', 'docs');
const BEGIN = '<!-- results: written by npm run bench -- --document -->';
const END = '<!-- end of results -->';

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
 * Writes all of it.
 *
 * @param {import('./record').Run} record The results
 */
function document(record) {
  const file = path.join(docs, 'performance.md');
  const page = fs.readFileSync(file, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];

  if (begin === -1 || end < begin) {
    throw new Error(`${file} has lost the marks of its results`);
  }

  const plots = plotsOf(record);
  const folder = path.join(docs, 'performance');

  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  for (const { name, svg } of plots) {
    fs.writeFileSync(path.join(folder, `${name}.svg`), svg);
  }
  write(summary(record), path.join(folder, 'results.json'));
  fs.writeFileSync(
    file,
    [
      page.slice(0, begin),
      BEGIN,
      sections(record, plots),
      page.slice(end)
    ].join('')
  );
  console.log(`Written to ${path.relative('', file)}`);
}

/**
 * @param {import('./record').Run} record The results
 * @param {Plot[]} plots Their plots
 * @return {string} What stands between the marks
 */
function sections(record, plots) {
  const { flows, compressed, memory } = kindsOf(record);
  const image = (/** @type {string} */ name) =>
    plots
      .filter((plot) => plot.name === name)
      .map(({ title }) => `![${title}](performance/${name}.svg)\n`)
      .join('');
  const parts = [
    machine(record),
    '### Messages per second\n',
    image('rate'),
    table(flows, 'rate'),
    '### CPU time of the main thread per message\n',
    image('main'),
    table(flows, 'main'),
    '### CPU time of the whole server per message\n',
    table(flows, 'cpu'),
    '### Round trips\n\nWith many messages in flight they are mostly queueing.\n',
    table(flows, 'p50'),
    table(flows, 'p99'),
    '### Compression\n',
    table(compressed, 'rate'),
    table(compressed, 'cpu'),
    table(compressed, 'main'),
    '### Memory per connection\n',
    image('memory'),
    table(memory, 'bytes'),
    ...record.curves.map((curve) => curveSection(curve, image)),
    failures(record)
  ];

  return `\n\n${parts.filter((part) => part !== '').join('\n')}\n`;
}

/**
 * @param {import('./record').Run} record The results
 * @return {string} Where they come from
 */
function machine({ date, node, cpu, cores, rounds, seconds, loadAverage }) {
  const times = rounds === 1 ? 'once' : `${rounds} times, of which the medians`;
  const noise =
    loadAverage[2] > cores
      ? ' **The machine was busy with other work: these figures are noise.**'
      : '';

  return `${date.slice(0, 10)}, Node.js ${node}, ${cores} cores of ${cpu ?? 'an unknown processor'}; each measured for ${seconds} s, ${times}.${noise}\n`;
}

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
 * A line for each scenario: every server, and ours against the others.
 *
 * @param {import('./report').Result[]} results Some results
 * @param {keyof typeof METRICS} metric What to show
 * @return {string} The table
 */
function table(results, metric) {
  if (results.length === 0) return '';

  const { title, format, ratio } = METRICS[metric];
  const servers = serversOf(results);
  const others = servers.filter((name) => name !== 'native' && name !== 'bare');
  const header = [
    title,
    ...servers.map((name) => LABELS[name]),
    ...others.map((name) => `to ${LABELS[name]}`)
  ];
  const rows = results.map((result) => {
    const value = (/** @type {string} */ name) =>
      result.medians[name]?.[metric];

    return [
      result.title,
      ...servers.map((name) => cell(value(name), format)),
      ...others.map((name) => cell(value('native') / value(name), ratio))
    ];
  });

  return markdown(header, rows);
}

/**
 * @param {import('./rounds').CurveResult} curve A curve
 * @param {(name: string) => string} image The image of that name
 * @return {string} Its section
 */
function curveSection(curve, image) {
  const { name, title, axis, points } = curve;
  const servers = serversOf(points);
  const metrics = metricsOf(curve);
  const header = [
    axis,
    ...metrics.flatMap((metric) =>
      servers.map((server) => `${LABELS[server]}, ${naming(metric)}`)
    )
  ];
  const rows = points.map(({ x, medians }) => [
    label(curve, x),
    ...metrics.flatMap((metric) =>
      servers.map((server) =>
        cell(medians[server]?.[metric], METRICS[metric].format)
      )
    )
  ]);

  return [
    `### By ${axis}: ${title}\n`,
    ...metrics.map((metric) => image(`${name}-${metric}`)),
    markdown(header, rows)
  ].join('\n');
}

/**
 * @param {import('./record').Run} record The results
 * @return {string} What could not be measured, and why
 */
function failures({ results, curves }) {
  const all = [...results, ...curves.flatMap(({ points }) => points)];
  const lines = all.flatMap((result) =>
    Object.entries(result.failures).map(
      ([server, reason]) =>
        `- ${result.title}, ${LABELS[server]}: ${gist(reason)}`
    )
  );

  return lines.length === 0 ? '' : `### Not measured\n\n${lines.join('\n')}\n`;
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

/**
 * @param {number | undefined} value A value
 * @param {(value: number) => string} format How it is shown
 * @return {string} The value, a dash where there is none
 */
function cell(value, format) {
  return value === undefined || !Number.isFinite(value) ? '–' : format(value);
}

/**
 * @param {string[]} header The head of each column
 * @param {string[][]} rows The cells
 * @return {string} A table
 */
function markdown(header, rows) {
  const rule = header.map((_, index) => (index === 0 ? '---' : '--:'));

  return `${[header, rule, ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')}\n`;
}

module.exports = { document };

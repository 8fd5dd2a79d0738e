'use strict';

/**
 * docs/performance.md from the results of a run: the part of it between the
 * two marks, its plots, and the figures themselves.
 */

const fs = require('node:fs');
const path = require('node:path');

const {
  LABELS,
  METRICS,
  kindsOf,
  label,
  metricsOf,
  naming,
  plotsOf
} = require('./figures');
const { summary, write } = require('./record');
const { gist, serversOf, share, times } = require('./report');

const docs = path.join(__dirname, '..', 'docs');
const BEGIN = '<!-- results: written by npm run bench -- --document -->';
const END = '<!-- end of results -->';

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
 * @param {import('./figures').Plot[]} plots Their plots
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
    behind(record),
    failures(record)
  ];

  return `\n\n${parts.filter((part) => part !== '').join('\n')}\n`;
}

/**
 * @param {import('./record').Run} record The results
 * @return {string} Where they come from
 */
function machine({ date, node, cpu, cores, rounds, seconds, loadAverage }) {
  const often = rounds === 1 ? 'once' : `${rounds} times, of which the medians`;
  const doubts = [
    ...(rounds === 1 ? [' **One round is an impression, no result.**'] : []),
    // The two processes of a measurement alone do not make that many.
    ...(loadAverage[2] > cores * 1.5
      ? [' **The machine was busy with other work: these figures are noise.**']
      : [])
  ].join('');

  return `${date.slice(0, 10)}, Node.js ${node}, ${cores} cores of ${cpu ?? 'an unknown processor'}; each measured for ${seconds} s, ${often}.${doubts}\n`;
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
 * @return {string} Where another server is the better one, by more than what
 *   rounds differ by
 */
function behind(record) {
  const { flows, compressed, memory } = kindsOf(record);
  const lines = [...flows, ...compressed, ...memory].flatMap((result) => {
    const { native, ...others } = result.medians;
    const metric = memory.includes(result) ? 'bytes' : 'rate';

    return Object.entries(others).flatMap(([server, sample]) => {
      const ratio = native?.[metric] / sample[metric];
      const isBehind = metric === 'rate' ? ratio < 0.95 : ratio > 1.05;

      return isBehind && server !== 'bare'
        ? [
            metric === 'rate'
              ? `- ${result.title}: ${times(ratio)} the messages/s of ${LABELS[server]}`
              : `- ${result.title}: ${share(ratio)} that of ${LABELS[server]}`
          ]
        : [];
    });
  });

  return lines.length === 0 ? '' : `### Behind\n\n${lines.join('\n')}\n`;
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

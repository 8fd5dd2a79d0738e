'use strict';

/**
 * Plots as SVG, made to be read beside text: no library, no script, and
 * colours that follow the reader's theme.
 *
 * @typedef {object} Series
 * @property {string} name Its key in the values
 * @property {string} label Its name for people
 *
 * @typedef {object} Row
 * @property {string} label What its values belong to
 * @property {Record<string, number>} values By series; what is missing is not
 *   drawn
 */

/** The colours of the series that there can be. */
const COLOURS = {
  ws: '#8a8f98',
  uws: '#d97706',
  'uws-dedicated': '#b45cc4',
  native: '#1d6fd1',
  bare: '#3f9a54'
};

const STYLE = [
  'text { font: 12px system-ui, sans-serif; fill: #24292f; }',
  '.title { font-size: 15px; font-weight: 600; }',
  '.faint { fill: #656d76; }',
  '.ground { fill: #ffffff; }',
  '.grid { stroke: #d0d7de; stroke-width: 1; }',
  '.axis { stroke: #656d76; stroke-width: 1.5; }',
  ...Object.entries(COLOURS).map(
    ([name, colour]) =>
      `.fill-${name} { fill: ${colour}; } .line-${name} { fill: none; stroke: ${colour}; stroke-width: 2; }`
  ),
  '@media (prefers-color-scheme: dark) {',
  '  text { fill: #e6edf3; } .faint { fill: #9198a1; } .ground { fill: #0d1117; }',
  '  .grid { stroke: #30363d; } .axis { stroke: #9198a1; }',
  '}'
].join('\n');

const WIDTH = 820;
const HEAD = 84;

/**
 * A line for each row, a dot for each of its values, on a logarithmic axis: a
 * quarter lies as far from one as four does.
 *
 * @param {object} plot What to draw
 * @param {string} plot.title Its title
 * @param {string} plot.subtitle What the axis shows
 * @param {Series[]} plot.series The series
 * @param {Row[]} plot.rows The rows
 * @param {number} [plot.baseline] The value that the others are compared with
 * @param {boolean} [plot.isBinary] Whether values are bytes, round in KiB
 * @param {(value: number) => string} plot.format How values are shown
 * @return {string} The SVG
 */
function dotPlot({
  title,
  subtitle,
  series,
  rows,
  baseline,
  isBinary = false,
  format
}) {
  const left = 330;
  const right = WIDTH - 70;
  const rowHeight = 26;
  const bottom = HEAD + rows.length * rowHeight;
  const present = rows.flatMap(({ values }) =>
    series.map(({ name }) => values[name])
  );
  const ticks = logTicks(
    [...present, baseline ?? NaN].filter(isPositive),
    isBinary
  );
  const x = logScale(ticks, left, right);
  const parts = [heading(title, subtitle, series)];

  for (const tick of ticks) {
    const isBase = tick === baseline;

    parts.push(
      line(x(tick), HEAD - 8, x(tick), bottom, isBase ? 'axis' : 'grid'),
      text(x(tick), bottom + 16, brief(format(tick)), 'faint', 'middle')
    );
  }
  rows.forEach(({ label, values }, index) => {
    const y = HEAD + index * rowHeight + rowHeight / 2;
    const shown = series.filter(({ name }) => isPositive(values[name]));
    const ends = shown.map(({ name }) => x(values[name]));

    parts.push(text(left - 14, y + 4, label, '', 'end'));
    if (ends.length > 1) {
      parts.push(line(Math.min(...ends), y, Math.max(...ends), y, 'grid'));
    }
    for (const { name } of shown) {
      parts.push(
        `<circle class="fill-${name}" cx="${round(x(values[name]))}" cy="${y}" r="5"><title>${escape(format(values[name]))}</title></circle>`
      );
    }
    // The value that the plot is about is told in figures as well.
    const ours = isPositive(values.native) ? format(values.native) : '–';

    parts.push(text(right + 12, y + 4, ours, '', 'start'));
  });

  return svg(bottom + 28, title, parts);
}

/**
 * A line for each series; the rows stand side by side at equal distances.
 *
 * @param {object} plot What to draw
 * @param {string} plot.title Its title
 * @param {string} plot.subtitle What the vertical axis shows
 * @param {string} plot.axis What the horizontal axis shows
 * @param {Series[]} plot.series The series
 * @param {Row[]} plot.rows The rows
 * @param {boolean} [plot.isLog] Whether the vertical axis is logarithmic
 * @param {boolean} [plot.isBinary] Whether its values are bytes, round in KiB
 * @param {(value: number) => string} plot.format How values are shown
 * @return {string} The SVG
 */
function linePlot({
  title,
  subtitle,
  axis,
  series,
  rows,
  isLog = false,
  isBinary = false,
  format
}) {
  const left = 70;
  const right = WIDTH - 40;
  const bottom = HEAD + 260;
  const present = rows
    .flatMap(({ values }) => series.map(({ name }) => values[name]))
    .filter(isPositive);
  const ticks = isLog
    ? logTicks(present, isBinary)
    : linearTicks(present, isBinary);
  const y = isLog
    ? logScale(ticks, bottom, HEAD)
    : scale(ticks, bottom, HEAD, (value) => value);
  const step = (right - left - 40) / Math.max(1, rows.length - 1);
  const x = (/** @type {number} */ index) => left + 20 + index * step;
  const parts = [heading(title, subtitle, series)];

  for (const tick of ticks) {
    parts.push(
      line(left, y(tick), right, y(tick), 'grid'),
      text(left - 10, y(tick) + 4, brief(format(tick)), 'faint', 'end')
    );
  }
  rows.forEach(({ label }, index) => {
    parts.push(text(x(index), bottom + 20, label, 'faint', 'middle'));
  });
  parts.push(text((left + right) / 2, bottom + 42, axis, 'faint', 'middle'));
  for (const { name } of series) {
    const points = rows
      .map(({ values }, index) => ({ index, value: values[name] }))
      .filter(({ value }) => isPositive(value))
      .map(({ index, value }) => ({
        at: `${round(x(index))},${round(y(value))}`,
        value
      }));

    parts.push(
      `<polyline class="line-${name}" points="${points.map(({ at }) => at).join(' ')}"/>`,
      ...points.map(({ at, value }) => {
        const [cx, cy] = at.split(',');

        return `<circle class="fill-${name}" cx="${cx}" cy="${cy}" r="4"><title>${escape(format(value))}</title></circle>`;
      })
    );
  }

  return svg(bottom + 54, title, parts);
}

/**
 * @param {string} title The title
 * @param {string} subtitle What is shown
 * @param {Series[]} series The series, for the legend
 * @return {string} All of it
 */
function heading(title, subtitle, series) {
  let x = 16;
  const legend = series.map(({ name, label }) => {
    const entry = `<circle class="fill-${name}" cx="${x + 5}" cy="60" r="5"/>${text(x + 15, 64, label, '', 'start')}`;

    x += 40 + label.length * 7;
    return entry;
  });

  return [
    text(16, 24, title, 'title', 'start'),
    text(16, 43, subtitle, 'faint', 'start'),
    ...legend
  ].join('\n');
}

/**
 * @param {number} height Its height
 * @param {string} title What it shows, for those who hear it
 * @param {string[]} parts What it holds
 * @return {string} The document
 */
function svg(height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>
${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
${parts.join('\n')}
</svg>
`;
}

/**
 * @param {number} x1 Its begin
 * @param {number} y1 Its begin
 * @param {number} x2 Its end
 * @param {number} y2 Its end
 * @param {string} kind Its class
 * @return {string} A line
 */
function line(x1, y1, x2, y2, kind) {
  return `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

/**
 * @param {number} x Where
 * @param {number} y Where
 * @param {string} content What
 * @param {string} kind Its class
 * @param {'start' | 'middle' | 'end'} anchor Which part of it stands there
 * @return {string} A text
 */
function text(x, y, content, kind, anchor) {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escape(content)}</text>`;
}

/**
 * @param {number[]} values Some values
 * @param {boolean} isBinary Whether powers of four are the round ones
 * @return {number[]} Round values around all of them: 1, 2 and 5 times powers
 *   of ten
 */
function logTicks(values, isBinary) {
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const all = [];

  for (let power = -3; power < 10; power++) {
    for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${power}`));
  }

  const round = isBinary ? all.map((_, index) => 4 ** index) : all;
  const begin = round.findLastIndex((tick) => tick <= lowest);
  const end = round.findIndex((tick) => tick >= highest);
  const ticks = round.slice(Math.max(0, begin), end + 1);

  // Where there would be too many, powers of ten alone and both ends.
  return ticks.length < 11 || isBinary
    ? ticks
    : ticks.filter(
        (tick, index) =>
          index === 0 ||
          index === ticks.length - 1 ||
          tick.toExponential().startsWith('1e')
      );
}

/**
 * @param {number[]} values Some values
 * @param {boolean} isBinary Whether multiples of 1024 are the round ones
 * @return {number[]} Round values from zero to above the largest
 */
function linearTicks(values, isBinary) {
  const one = isBinary ? 1024 : 1;
  const highest = Math.max(...values) / one;
  const power = 10 ** Math.floor(Math.log10(highest / 4));
  const step =
    [1, 2, 5, 10]
      .map((digit) => digit * power)
      .find((size) => highest / size <= 6) ?? 10 * power;

  return Array.from(
    { length: Math.ceil(highest / step) + 1 },
    (_, index) => index * step * one
  );
}

/**
 * @param {number[]} ticks Values, the first and the last at the ends
 * @param {number} from Where the first is drawn
 * @param {number} to Where the last is drawn
 * @param {(value: number) => number} shape What grows evenly
 * @return {(value: number) => number} Where a value is drawn
 */
function scale(ticks, from, to, shape) {
  const lowest = shape(ticks[0]);
  const width = shape(ticks[ticks.length - 1]) - lowest || 1;

  return (value) => from + ((shape(value) - lowest) / width) * (to - from);
}

/**
 * @param {number[]} ticks As for `scale`
 * @param {number} from As for `scale`
 * @param {number} to As for `scale`
 * @return {(value: number) => number} Where a value is drawn
 */
function logScale(ticks, from, to) {
  return scale(ticks, from, to, Math.log);
}

/**
 * @param {string} content A round value
 * @return {string} The same without zeros that say nothing
 */
function brief(content) {
  return content.replace(/\.0+(?!\d)|(\.\d*[1-9])0+(?!\d)/, '$1');
}

/**
 * @param {number | undefined} value A value
 * @return {value is number} Whether it can be drawn
 */
function isPositive(value) {
  return value !== undefined && value > 0 && Number.isFinite(value);
}

/**
 * @param {number} value A coordinate
 * @return {number} The same, in tenths
 */
function round(value) {
  return Math.round(value * 10) / 10;
}

/**
 * @param {string} content Any text
 * @return {string} The text in XML
 */
function escape(content) {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

module.exports = { dotPlot, linePlot };

/** The live panel: the latest figures and the minute before them. */

import { byId } from './dom.js';

const SAMPLES = 60;
const SVG = 'http://www.w3.org/2000/svg';

const whole = new Intl.NumberFormat('en');

/** A curve of the latest samples, as an area that is scaled to the largest. */
class Spark {
  #values = new Array(SAMPLES).fill(0);
  #path = document.createElementNS(SVG, 'path');
  #least;

  /**
   * @param {HTMLElement} svg
   * @param {number} least What the scale reaches at least
   */
  constructor(svg, least) {
    this.#least = least;
    svg.setAttribute('viewBox', `0 0 ${SAMPLES - 1} 100`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.append(this.#path);
  }

  /** @param {number} value */
  push(value) {
    this.#values.push(value);
    this.#values.shift();

    const top = Math.max(this.#least, ...this.#values) * 1.15;
    const heights = this.#values.map((sample) => {
      return (97 - (sample / top) * 97).toFixed(1);
    });
    const curve = heights.map((height, x) => `L${x} ${height}`).join('');
    // The edges of the area but the curve are outside of what is seen.
    this.#path.setAttribute(
      'd',
      `M-2 110V${heights[0]}${curve}H${SAMPLES + 2}V110Z`
    );
  }
}

export class Panel {
  #connections = new Spark(byId('connections-spark'), 4);
  #rate = new Spark(byId('rate-spark'), 10);
  #delay = new Spark(byId('delay-spark'), 5);

  /** @param {any} meter The figures as the server sends them */
  show(meter) {
    const { connections, received, sent, delay, worst, uptime, module } = meter;

    byId('connections').textContent = whole.format(connections);
    byId('rate').textContent = whole.format(received + sent);
    byId('rate-detail').textContent =
      `${whole.format(received)} in · ${whole.format(sent)} out`;
    byId('delay').textContent = delay.toFixed(delay < 10 ? 1 : 0);
    byId('delay-detail').textContent = `worst ${worst.toFixed(1)}`;
    byId('module').textContent =
      `Served by ${module.name} ${module.version} for ${duration(uptime)}`;

    this.#connections.push(connections);
    this.#rate.push(received + sent);
    this.#delay.push(worst);
  }
}

/**
 * @param {number} seconds
 * @return {string}
 */
function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

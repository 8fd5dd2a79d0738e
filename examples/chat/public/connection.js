/**
 * A WebSocket that comes back: after a loss it tries again, first soon and then
 * ever later, up to MAX_WAIT, and at once when the browser says to be online or
 * the page is looked at again.
 */

const MIN_WAIT = 500;
const MAX_WAIT = 15000;

/** An attempt that hangs is worth less than a new one. */
const MAX_ATTEMPT = 10000;

/** Nothing for so long, where figures come each second, is a dead line. */
const MAX_SILENCE = 15000;

export class Connection extends EventTarget {
  #address;
  #socket;
  #attempts = 0;
  #timer;

  /** @param {string | URL} address */
  constructor(address) {
    super();
    this.#address = address;

    addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retry();
    });
  }

  /** @return {boolean} */
  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects now, unless it is connected or just about to be. */
  retry() {
    if (this.#socket) return;

    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    this.#expect(socket, MAX_ATTEMPT);

    socket.onopen = () => {
      this.#attempts = 0;
      this.#expect(socket, MAX_SILENCE);
      this.dispatchEvent(new Event('open'));
    };

    socket.onmessage = ({ data }) => {
      this.#expect(socket, MAX_SILENCE);
      const detail = JSON.parse(data);
      this.dispatchEvent(new CustomEvent('message', { detail }));
    };

    socket.onclose = () => this.#lost(socket);
  }

  /**
   * @param {object} message
   * @return {boolean} Whether it was sent
   */
  send(message) {
    if (!this.isOpen) return false;

    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #expect(socket, patience) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // A closing handshake may never end on a dead line: do not wait for it.
      socket.close();
      this.#lost(socket);
    }, patience);
  }

  #lost(socket) {
    if (socket !== this.#socket) return;

    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = undefined;

    // Chance keeps a thousand pages from coming back in the same instant.
    const longest = Math.min(MAX_WAIT, MIN_WAIT * 2 ** this.#attempts++);
    const wait = longest * (0.5 + Math.random() / 2);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.retry(), wait);
    this.dispatchEvent(
      new CustomEvent('lost', { detail: { until: Date.now() + wait } })
    );
  }
}

/** The list of messages: what was said, who came and went. */

import { avatar, byId, coloured, element } from './dom.js';

/** Messages that the page keeps. */
const MAX_SHOWN = 300;

/** Messages of one person within this time stand together. */
const TOGETHER = 3 * 60 * 1000;

/** Nearer to the end than this, the list follows what is said. */
const NEAR_END = 80;

const clock = new Intl.DateTimeFormat([], {
  hour: 'numeric',
  minute: '2-digit'
});

export class Messages {
  #list = byId('messages');
  #scroll = byId('scroll');
  #newer = byId('newer');
  #seen = new Set();
  #last;
  #following = true;

  constructor() {
    this.#scroll.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
      this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END;
      if (this.#following) this.#newer.hidden = true;
    });
    this.#newer.addEventListener('click', () => this.toEnd());
    // A phone's keyboard and the composer's growth take height from the end.
    new ResizeObserver(() => {
      if (this.#following) this.toEnd();
    }).observe(this.#scroll);
  }

  clear() {
    this.#list.replaceChildren();
    this.#seen.clear();
    this.#last = undefined;
    this.toEnd();
  }

  /**
   * @param {{ id: string, name: string, text: string, at: number }} message
   * @param {boolean} mine
   */
  add({ id, name, text, at }, mine) {
    // After a reconnect the history brings what is shown already.
    if (this.#seen.has(id)) return;
    this.#seen.add(id);

    const same = this.#last?.name === name && at - this.#last.at < TOGETHER;
    const time = element('time', '', clock.format(at));
    time.dateTime = new Date(at).toISOString();
    const item = element(
      'li',
      `message${mine ? ' mine' : ''}${same ? ' same' : ''}`,
      element('span', 'who', element('b', '', name), time),
      avatar(name),
      element('p', '', text)
    );
    coloured(item, name);

    this.#append(item, mine);
    this.#last = { name, at };
  }

  /** @param {string} text */
  tell(text) {
    this.#append(element('li', 'event', text), false);
    this.#last = undefined;
  }

  toEnd() {
    this.#following = true;
    this.#newer.hidden = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #append(item, mine) {
    this.#list.append(item);
    if (this.#list.childElementCount > MAX_SHOWN) {
      this.#list.firstElementChild.remove();
    }

    if (this.#following || mine) this.toEnd();
    else this.#newer.hidden = false;
  }
}

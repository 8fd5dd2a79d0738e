/** The rooms and the people of this room; on a phone, a drawer. */

import { avatar, byId, element } from './dom.js';

export class Side {
  #side = byId('side');
  #opener = byId('open-side');
  #names = new Map();
  #count = 0;
  #enter;
  #rooms = '';

  /** @param {(room: string) => void} enter */
  constructor(enter) {
    this.#enter = (room) => {
      this.#show(false);
      enter(room);
    };

    this.#opener.addEventListener('click', () => this.#show(true));
    byId('close-side').addEventListener('click', () => this.#show(false));
    byId('shade').addEventListener('click', () => this.#show(false));
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#show(false);
    });

    byId('room-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const input = byId('room-input');
      const room = input.value.trim();
      if (room === '') return;
      input.value = '';
      this.#enter(room);
    });
  }

  /**
   * @param {{ name: string, count: number }[]} rooms
   * @param {string} current
   */
  showRooms(rooms, current) {
    const all = rooms.some(({ name }) => name === current)
      ? rooms
      : [{ name: current, count: this.#count }, ...rooms];

    // Rebuilding takes the focus away, so only when there is something new.
    const key = JSON.stringify([all, current]);
    if (key === this.#rooms) return;
    this.#rooms = key;

    byId('rooms').replaceChildren(
      ...all.map(({ name, count }) => {
        const button = element(
          'button',
          '',
          element('span', '', name),
          element('span', 'count', String(count))
        );
        button.type = 'button';
        button.setAttribute('aria-current', String(name === current));
        button.addEventListener('click', () => this.#enter(name));
        return element('li', '', button);
      })
    );
  }

  /**
   * @param {string[]} names
   * @param {string} own
   * @param {number} count
   */
  showMembers(names, own, count) {
    this.#names.clear();
    byId('members').replaceChildren();
    this.#add(own, true);
    for (const name of names) this.#add(name, false);
    this.#showCount(count);
  }

  /**
   * @param {string} name
   * @param {number} count
   */
  arrived(name, count) {
    this.#add(name, false);
    this.#showCount(count);
  }

  /**
   * @param {string} name
   * @param {number} count
   */
  left(name, count) {
    this.#names.get(name)?.remove();
    this.#names.delete(name);
    this.#showCount(count);
  }

  #add(name, own) {
    if (this.#names.has(name)) return;

    const label = element('span', own ? 'name you' : 'name', name);
    const item = element('li', '', avatar(name), label);
    this.#names.set(name, item);
    byId('members').append(item);
  }

  #showCount(count) {
    this.#count = count;
    byId('member-count').textContent = String(count);
    byId('presence').textContent = count === 1 ? 'only you' : `${count} people`;
  }

  #show(shown) {
    this.#side.classList.toggle('shown', shown);
    this.#opener.setAttribute('aria-expanded', String(shown));
  }
}

/** Small helpers. Text gets into the page as text alone, never as markup. */

/**
 * @param {string} id
 * @return {HTMLElement}
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @return {HTMLElement}
 */
export function element(tag, className = '', ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/**
 * The same name has the same colour on every page.
 *
 * @param {HTMLElement} node
 * @param {string} name
 * @return {HTMLElement}
 */
export function coloured(node, name) {
  let hash = 0;
  for (const character of name) {
    hash = (hash * 31 + character.codePointAt(0)) % 9973;
  }
  node.style.setProperty('--hue', String((hash * 137) % 360));
  return node;
}

/**
 * @param {string} name
 * @return {HTMLElement}
 */
export function avatar(name) {
  const words = name.split(' ').filter(Boolean);
  const initials = words.slice(0, 2).map((word) => [...word][0].toUpperCase());
  const node = element('span', 'avatar', initials.join(''));
  node.setAttribute('aria-hidden', 'true');
  return coloured(node, name);
}

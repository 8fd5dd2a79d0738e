// @ts-check
'use strict';

// Reads the comma separated headers of the opening handshake from left to
// right. Where the text does not go on as it must, the scanner throws with the
// index of the character, or says that the text ends too early.

/** By character code: 1 for the characters of a token (RFC 7230 3.2.6). */
const TOKEN_CHARACTERS = new Uint8Array(128);

for (const character of "!#$%&'*+-.^_`|~") {
  TOKEN_CHARACTERS[character.charCodeAt(0)] = 1;
}
for (const [first, last] of ['09', 'AZ', 'az']) {
  TOKEN_CHARACTERS.fill(1, first.charCodeAt(0), last.charCodeAt(0) + 1);
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const SPACE = 0x20;
const TAB = 0x09;

class HeaderScanner {
  /**
   * @param {string} text The value of the header
   */
  constructor(text) {
    this.text = text;
    this.position = 0;
    this.length = text.length;
  }

  /**
   * @returns {never}
   */
  fail() {
    throw new SyntaxError(
      this.position < this.length
        ? `Unexpected character at index ${this.position}`
        : 'Unexpected end of input'
    );
  }

  /**
   * @returns {number} The code of the character at hand, NaN at the end
   */
  peek() {
    return this.position < this.length
      ? this.text.charCodeAt(this.position)
      : NaN;
  }

  /**
   * Passes over blanks.
   *
   * @returns {boolean} Whether there were any
   */
  skipBlanks() {
    const start = this.position;

    for (;;) {
      const code = this.peek();

      if (code !== SPACE && code !== TAB) return this.position > start;
      this.position++;
    }
  }

  /**
   * Passes over one character of a token, which must be there.
   */
  skipTokenCharacter() {
    if (TOKEN_CHARACTERS[this.peek()] !== 1) this.fail();
    this.position++;
  }

  /**
   * @returns {string} The token at hand, which must be there
   */
  token() {
    const start = this.position;

    do {
      this.skipTokenCharacter();
    } while (TOKEN_CHARACTERS[this.peek()] === 1);

    return this.text.slice(start, this.position);
  }

  /**
   * Reads a parameter's value. A quoted one stands for a token as well (RFC
   * 6455 9.1), so that nothing but a token's characters, escaped or not, may be
   * in it.
   *
   * @returns {string} The token, or what the quoted string stands for
   */
  value() {
    if (this.peek() !== QUOTE) return this.token();

    let value = '';

    this.position++;

    do {
      if (this.peek() === BACKSLASH) this.position++;

      const start = this.position;

      this.skipTokenCharacter();
      value += this.text[start];
    } while (this.peek() !== QUOTE);

    this.position++;

    return value;
  }

  /**
   * Passes over the separator behind an item, and the blanks around it.
   *
   * @param {string} separators Those that may follow here
   * @param {string} [adjoined] Those that may follow without a blank only,
   *     before it as behind it
   * @returns {string} The separator, empty at the end of the text
   */
  separator(separators, adjoined = '') {
    const blank = this.skipBlanks();

    if (this.position >= this.length) {
      if (blank) this.fail();

      return '';
    }

    const character = this.text[this.position];

    if (!blank && adjoined.includes(character)) {
      this.position++;

      return character;
    }

    if (!separators.includes(character)) this.fail();

    this.position++;
    this.skipBlanks();

    return character;
  }
}

module.exports = HeaderScanner;

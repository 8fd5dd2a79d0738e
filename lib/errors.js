// @ts-check
'use strict';

/**
 * The violations a peer can commit. The engine names one by its index
 * (`protocol::Error::index()` in Rust) and knows nothing of the sentences.
 */

/**
 * Holds the close code of a protocol error.
 */
const kStatusCode = Symbol('status-code');

const FRAME = 'Invalid WebSocket frame: ';

/**
 * @typedef {object} Row
 * @property {ErrorConstructor | RangeErrorConstructor} type Its class
 * @property {string} message Its message, `%` being the parameter
 * @property {string} code Its `code`
 * @property {number} status The code of the close frame that answers it
 * @property {number} [errno] zlib's number for it
 */

/**
 * @param {string} message
 * @param {string} code
 * @param {number} status
 * @param {ErrorConstructor | RangeErrorConstructor} [type]
 * @returns {Readonly<Row>}
 */
function row(message, code, status, type = RangeError) {
  return Object.freeze({ type, message, code: `WS_ERR_${code}`, status });
}

const PROTOCOL_ERRORS = Object.freeze([
  row(`${FRAME}RSV1 must be clear`, 'UNEXPECTED_RSV_1', 1002),
  row(`${FRAME}RSV2 and RSV3 must be clear`, 'UNEXPECTED_RSV_2_3', 1002),
  row(`${FRAME}invalid opcode %`, 'INVALID_OPCODE', 1002),
  row(`${FRAME}FIN must be set`, 'EXPECTED_FIN', 1002),
  row(
    `${FRAME}invalid payload length %`,
    'INVALID_CONTROL_PAYLOAD_LENGTH',
    1002
  ),
  row(`${FRAME}MASK must be set`, 'EXPECTED_MASK', 1002),
  row(`${FRAME}MASK must be clear`, 'UNEXPECTED_MASK', 1002),
  row(`${FRAME}invalid status code %`, 'INVALID_CLOSE_CODE', 1002),
  row(`${FRAME}invalid UTF-8 sequence`, 'INVALID_UTF8', 1007, Error),
  row(
    'Unsupported WebSocket frame: payload length > 2^53 - 1',
    'UNSUPPORTED_DATA_PAYLOAD_LENGTH',
    1009
  ),
  row('Max payload size exceeded', 'UNSUPPORTED_MESSAGE_LENGTH', 1009),
  row('Too many message fragments', 'TOO_MANY_BUFFERED_PARTS', 1008),
  row('Too many buffered chunks', 'TOO_MANY_BUFFERED_PARTS', 1008),
  Object.freeze({
    type: Error,
    message: '',
    code: 'Z_DATA_ERROR',
    status: 1007,
    errno: -3
  })
]);

/**
 * What zlib says of compressed data that is none. The engine gives the number:
 * it is the parameter of the last of the errors above.
 */
const ZLIB_COMPLAINTS = Object.freeze([
  'incorrect data check',
  'invalid block type',
  'invalid stored block lengths',
  'too many length or distance symbols',
  'invalid code lengths set',
  'invalid bit length repeat',
  'invalid code -- missing end-of-block',
  'invalid literal/lengths set',
  'invalid distances set',
  'invalid literal/length code',
  'invalid distance code',
  'invalid distance too far back'
]);

/**
 * Builds the error that a user sees for a violation.
 *
 * @param {number} index The index of the violation
 * @param {number} [parameter] The number in its message
 * @returns {Error}
 */
function protocolError(index, parameter = 0) {
  const { type, message, code, status, errno } = PROTOCOL_ERRORS[index];

  if (errno !== undefined) {
    return Object.assign(new type(ZLIB_COMPLAINTS[parameter]), {
      errno,
      code,
      [kStatusCode]: status
    });
  }

  const error = new type(message.replace('%', String(parameter)));

  return Object.assign(error, { code, [kStatusCode]: status });
}

module.exports = { PROTOCOL_ERRORS, kStatusCode, protocolError };

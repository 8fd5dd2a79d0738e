// What an ES module may import by name. `import *` needs the names written out,
// and the default must be the class itself.

import WebSocket from './index.js';

export const {
  PerMessageDeflate,
  Receiver,
  Sender,
  WebSocketServer,
  createWebSocketStream,
  extension,
  subprotocol
} = WebSocket;

export { WebSocket };

export default WebSocket;

// This package and @types/ws in one program: the types of each fit the other.

import Ours = require('ws');
import Theirs = require('types-of-ws');

declare function same<A, B extends A>(a?: A, b?: B): void;

// @ts-expect-error the error if they did not fit
same<Ours.Data, Ours.ServerOptions>();

same<typeof Theirs, typeof Ours>();
same<typeof Ours, typeof Theirs>();
same<Theirs, Ours>();
same<Ours, Theirs>();
same<keyof typeof Theirs, keyof typeof Ours>();
same<keyof typeof Ours, keyof typeof Theirs>();
same<keyof Theirs, keyof Ours>();
same<keyof Ours, keyof Theirs>();
same<keyof Theirs.Server, keyof Ours.Server>();
same<keyof Ours.Server, keyof Theirs.Server>();
same<keyof Ours.ClientOptions, keyof Theirs.ClientOptions>();
same<keyof Ours.ServerOptions, keyof Theirs.ServerOptions>();

same<Theirs.Server, Ours.Server>();
same<Ours.Server, Theirs.Server>();
same<Theirs.AddressInfo, Ours.AddressInfo>();
same<Ours.AddressInfo, Theirs.AddressInfo>();
same<Theirs.CertMeta, Ours.CertMeta>();
same<Ours.CertMeta, Theirs.CertMeta>();
same<Theirs.ClientOptions, Ours.ClientOptions>();
same<Ours.ClientOptions, Theirs.ClientOptions>();
same<Theirs.ServerOptions, Ours.ServerOptions>();
same<Ours.ServerOptions, Theirs.ServerOptions>();
same<Theirs.PerMessageDeflateOptions, Ours.PerMessageDeflateOptions>();
same<Ours.PerMessageDeflateOptions, Theirs.PerMessageDeflateOptions>();
same<Theirs.WebSocketEventMap, Ours.WebSocketEventMap>();
same<Ours.WebSocketEventMap, Theirs.WebSocketEventMap>();
same<Theirs.EventListenerOptions, Ours.EventListenerOptions>();
same<Ours.EventListenerOptions, Theirs.EventListenerOptions>();
same<Theirs.FinishRequestCallback, Ours.FinishRequestCallback>();
same<Ours.FinishRequestCallback, Theirs.FinishRequestCallback>();
same<Theirs.VerifyClientCallbackSync, Ours.VerifyClientCallbackSync>();
same<Ours.VerifyClientCallbackSync, Theirs.VerifyClientCallbackSync>();
same<Theirs.VerifyClientCallbackAsync, Ours.VerifyClientCallbackAsync>();
same<Ours.VerifyClientCallbackAsync, Theirs.VerifyClientCallbackAsync>();
same<Theirs.RawData, Ours.RawData>();
same<Ours.RawData, Theirs.RawData>();
same<Theirs.Data, Ours.Data>();
same<Ours.Data, Theirs.Data>();
same<Parameters<Theirs['send']>, Parameters<Ours['send']>>();
same<Parameters<Ours['send']>, Parameters<Theirs['send']>>();
same<Parameters<Theirs['on']>, Parameters<Ours['on']>>();
same<
  ConstructorParameters<typeof Theirs>,
  ConstructorParameters<typeof Ours>
>();

// Moves a body from where it is to the client, at the client's pace. Knows neither where it comes from nor what it is.

import type { Source } from './cache/source.ts';
import type { BodySink, Responder } from './http/message.ts';

/** How a delivery ended: everything sent, the source broke (the client sees a broken transfer), or the client left. */
export type DeliveryEnd = 'complete' | 'broken' | 'client-gone';

/** Pumps a source into a sink; calls back once. */
export function deliver(
  source: Source,
  sink: BodySink,
  responder: Responder,
  onEnd: (end: DeliveryEnd) => void,
): void {
  let ended = false;
  const finish = (end: DeliveryEnd): void => {
    if (ended) return;
    ended = true;
    source.close();
    onEnd(end);
  };
  const pump = (): void => {
    while (!ended) {
      const chunk = source.next();
      if (chunk !== undefined) {
        if (sink.write(chunk)) continue;
        if (responder.gone) return finish('client-gone');
        sink.onDrain(pump);
        return;
      }
      if (source.state === 'complete') {
        sink.end();
        return finish('complete');
      }
      if (source.state === 'failed') {
        sink.abort();
        return finish('broken');
      }
      source.onReadable(pump);
      return;
    }
  };
  responder.onAbort(() => finish('client-gone'));
  pump();
}

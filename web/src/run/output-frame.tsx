import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { theme } from '../app/theme.ts';

interface FrameProps {
  /** `still` runs nothing of the output; `live` does, and has no network. */
  readonly kind: 'still' | 'live';
  readonly title: string;
  /** Sent to the frame when it is ready. */
  readonly show: Readonly<Record<string, unknown>>;
}

const least = 40;
const most = 2000;
/** A frame that grows with its own height would grow for ever. */
const maxGrowths = 30;

/** Shows what a program made in a frame with an origin of its own. Nothing but a height comes back. */
export function OutputFrame({ kind, title, show }: FrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(kind === 'live' ? 320 : least);
  const [hasLeft, setLeft] = useState(false);
  const growths = useRef(0);
  const loads = useRef(0);
  // Before the frame can be loaded: what it says is lost while nobody listens, and the page may be too busy to draw by then.
  useLayoutEffect(() => {
    const hear = (event: MessageEvent) => {
      if (event.source !== frame.current?.contentWindow || event.origin !== 'null') return;
      const { t, px } = (event.data ?? {}) as { t?: unknown; px?: unknown };
      if (t === 'ready') frame.current?.contentWindow?.postMessage({ t: 'show', theme: theme.value, ...show }, '*');
      if (t === 'height' && typeof px === 'number' && Number.isFinite(px) && growths.current++ < maxGrowths)
        setHeight(Math.min(most, Math.max(least, Math.ceil(px))));
    };
    addEventListener('message', hear);
    return () => removeEventListener('message', hear);
  }, [show]);
  if (hasLeft) return <p class="muted">This output tried to leave its frame, and was closed.</p>;
  return (
    <iframe
      ref={frame}
      class="frame"
      title={title}
      src={`/ui/frame/${kind}`}
      sandbox="allow-scripts"
      style={{ height: `${height}px` }}
      onLoad={() => {
        // The frame is loaded once, and again when a live output is written into it. One more means that the output went elsewhere.
        if (++loads.current > (kind === 'live' ? 2 : 1)) setLeft(true);
      }}
    />
  );
}

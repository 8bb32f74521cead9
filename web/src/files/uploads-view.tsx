import { bytes } from '../app/words.ts';
import { uploads } from './upload.ts';

/** Files on their way, each with a bar and a way to stop it. */
export function Uploads() {
  return (
    <div class="chips" role="status">
      {uploads.value.map((upload) => (
        <span key={upload.name} class="chip">
          {upload.name}
          {upload.fault === '' ? (
            <progress aria-label={`Upload of ${upload.name}`} max={1} value={upload.done} />
          ) : (
            <span class="err">{upload.fault}</span>
          )}
          <span class="muted small num">{bytes(upload.size)}</span>
          <button type="button" onClick={upload.cancel}>
            {upload.fault === '' ? 'Cancel' : 'Hide'}
          </button>
        </span>
      ))}
    </div>
  );
}

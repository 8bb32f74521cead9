// The health check of the container: ends with 0 while programs can be run.
const port = /^\d+$/.test(process.env.DRAGOMAN_PORT ?? '') ? process.env.DRAGOMAN_PORT : '8080';
try {
  const { ok } = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(4000) });
  process.exitCode = ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}

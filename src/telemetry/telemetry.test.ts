import { describe, expect, test } from 'vitest';
import { createLogger, createMetrics } from './index.ts';

function captured(format: 'json' | 'pretty', level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level, format, write: (line) => lines.push(line) }) };
}

class LibraryError extends Error {
  readonly code = 'E_LIB';
  readonly config = { headers: { authorization: 'topsecret' } };
}

describe('logger', () => {
  test('json: one object a line, level by name, ISO time', () => {
    const { lines, logger } = captured('json');
    logger.debug({}, 'not shown');
    logger.info({ port: 8080 }, 'listening');
    expect(lines).toHaveLength(1);
    const { time, ...rest } = JSON.parse(lines[0]!);
    expect(rest).toEqual({ level: 'info', port: 8080, msg: 'listening' });
    expect(new Date(time).toISOString()).toBe(time);
  });

  test.each(['json', 'pretty'] as const)(
    '%s: errors keep message, code and causes, without properties that libraries attach',
    (format) => {
      const { lines, logger } = captured(format);
      logger.error({ err: new Error('outer', { cause: new LibraryError('inner') }) }, 'failed');
      const text = lines.join('');
      expect(text).toContain('outer');
      expect(text).toContain('inner');
      expect(text).not.toContain('topsecret');
    },
  );

  test('pretty: logged values cannot break the line', () => {
    const { lines, logger } = captured('pretty', 'debug');
    logger.warn({ name: 'a b', count: 3, evil: '\u001b[31m\nINFO fake', list: [1] }, 'odd name');
    expect(lines).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d\.\d{3} WARN {2}odd name name="a b" count=3 evil="\\u001b\[31m\\nINFO fake" list=\[1\]\n$/,
      ),
    ]);
  });
});

describe('metrics', () => {
  test('requests, executions, gauges and counters appear under dragoman_ names', async () => {
    const metrics = createMetrics();
    metrics.request({ method: 'POST', route: '/v1/exec', status: 200, ms: 12 });
    metrics.execution({ language: 'python', isolation: 'namespaces', outcome: 'completed', wallMs: 5, totalMs: 9 });
    let parked = 1;
    metrics.gauge('pool_parked', 'Parked sandboxes.', () => parked);
    metrics.gauge('walls', 'By wall.', () => new Map([['gvisor', 3]]), 'isolation');
    metrics.count('sweeps', 'Sweeps.');
    metrics.count('sweeps', 'Sweeps.', 2);
    parked = 7;
    const text = await metrics.text();
    expect(text).toContain('dragoman_requests_total{method="POST",route="/v1/exec",status="200"} 1');
    expect(text).toContain('dragoman_request_seconds_bucket{le="0.025",method="POST",route="/v1/exec"} 1');
    expect(text).toContain('dragoman_executions_total{language="python",isolation="namespaces",outcome="completed"} 1');
    expect(text).toContain('dragoman_execution_run_seconds_sum{language="python",isolation="namespaces"} 0.005');
    expect(text).toContain('dragoman_execution_overhead_seconds_sum{language="python",isolation="namespaces"} 0.004');
    expect(text).toContain('dragoman_pool_parked 7');
    expect(text).toContain('dragoman_walls{isolation="gvisor"} 3');
    expect(text).toContain('dragoman_sweeps_total 3');
    expect(metrics.contentType).toContain('text/plain');
  });

  test('metrics of the process appear after start', async () => {
    const metrics = createMetrics();
    expect(await metrics.text()).not.toContain('process_cpu');
    metrics.start();
    expect(await metrics.text()).toContain('process_cpu_seconds_total');
  });
});

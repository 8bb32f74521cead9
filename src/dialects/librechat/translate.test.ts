import { describe, expect, test } from 'vitest';
import { finishedExecution, said } from '../../../test/support/cell-result.ts';
import { newId, type StoredFile } from '../../core/index.ts';
import { parse } from '../../http/index.ts';
import type { ReportedFile } from '../../service/index.ts';
import { namesOf, toAnswer, toRequest } from './translate.ts';
import { execBody } from './wire.ts';

const sid = newId();
const fid = newId();
const read = (files: object[]) => toRequest(parse(execBody, { lang: 'py', code: '', files })).files;

describe('toRequest', () => {
  test('takes what it knows and ignores the rest', () => {
    const body = {
      lang: 'py',
      code: 'x',
      session_id: sid,
      user_id: 'u',
      apiKey: 's',
      runtime_session_hint: '/',
      tools: [],
    };
    expect(toRequest(parse(execBody, body))).toEqual({ language: 'py', code: 'x', args: [], files: [] });
  });

  test('accepts null where a client may leave something out', () => {
    const body = { lang: 'py', code: '', args: null, files: null, timeout: null };
    expect(toRequest(parse(execBody, body))).toEqual({ language: 'py', code: '', args: [], files: [] });
  });

  test('lowers the time limit to what is asked', () => {
    expect(toRequest(parse(execBody, { lang: 'py', code: '', timeout: 1500.2 })).wallMs).toBe(1501);
  });

  test('reads references of every generation', () => {
    const common = { sessionId: sid, fileId: fid, path: 'a/b.csv' };
    const ref = { id: fid, name: 'a/b.csv' };
    const now = { ...ref, storage_session_id: sid };
    expect(read([{ ...ref, session_id: sid }])).toEqual([{ ...common, scope: { kind: 'unclaimed' } }]);
    expect(read([{ ...ref, session_id: sid, entity_id: 'agent_1' }])).toEqual([
      { ...common, scope: { kind: 'agent', id: 'agent_1' } },
    ]);
    expect(read([{ ...now, session_id: newId(), kind: 'user', resource_id: 'any thing' }])).toEqual([
      { ...common, scope: { kind: 'user' } },
    ]);
    expect(read([{ ...now, kind: 'agent', resource_id: 'agent_1' }])).toEqual([
      { ...common, scope: { kind: 'agent', id: 'agent_1' } },
    ]);
    expect(read([{ ...now, kind: 'skill', resource_id: 'sk:1', version: 3 }])).toEqual([
      { ...common, scope: { kind: 'skill', id: 'sk:1', version: 3 } },
    ]);
  });

  test('takes the later of two references with one path, and each name as the path it means', () => {
    const ref = { id: fid, storage_session_id: sid };
    const other = newId();
    expect(
      read([
        { ...ref, name: 'a' },
        { ...ref, id: other, name: 'a' },
      ]),
    ).toMatchObject([{ fileId: other }]);
    expect(
      read([
        { ...ref, name: '/mnt/data/a' },
        { ...ref, name: 'C:\\fakepath\\b' },
      ]),
    ).toMatchObject([{ path: 'a' }, { path: 'b' }]);
    expect(read([{ ...ref, name: 'Gera\u0308t.csv' }])).toMatchObject([{ path: 'Ger\u00e4t.csv' }]);
  });

  test('calls a file in the answer as the request did', () => {
    const name = 'Gera\u0308t.csv';
    const ref = { id: fid, storage_session_id: sid, name };
    const [input] = read([ref])!;
    const run = finishedExecution({
      files: [{ change: 'inherited', path: input!.path, ref: input! }],
      deleted: [input!.path],
    });
    const answer = toAnswer(run, namesOf([ref]));
    expect(answer.files[0]).toMatchObject({ name, inherited: true });
    expect(answer.deleted_files).toEqual([name]);
  });

  test('says that a time is in milliseconds', () => {
    const body = parse(execBody, { lang: 'py', code: '', timeout: 30 });
    expect(() => toRequest(body)).toThrow('for 30 seconds send 30000');
  });

  test.each<[string, object]>([
    ['no session', { id: fid, name: 'a' }],
    ['a short id', { id: 'abc', name: 'a', storage_session_id: sid }],
    ['a malformed session', { id: fid, name: 'a', storage_session_id: `${sid}/..` }],
    ['no name', { id: fid, storage_session_id: sid }],
    ['an absolute name', { id: fid, name: '/etc/passwd', storage_session_id: sid }],
    ['a name that climbs', { id: fid, name: 'a/../../b', storage_session_id: sid }],
    ['an unknown kind', { id: fid, name: 'a', storage_session_id: sid, kind: 'admin', resource_id: 'x' }],
    ['a skill without version', { id: fid, name: 'a', storage_session_id: sid, kind: 'skill', resource_id: 'x' }],
    ['an agent without id', { id: fid, name: 'a', storage_session_id: sid, kind: 'agent' }],
  ])('refuses %s', (_, ref) => {
    expect(() => read([ref])).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test.each<[string, object]>([
    ['no lang', { code: '' }],
    ['lang as a number', { lang: 1, code: '' }],
    ['no code', { lang: 'py' }],
    ['args as text', { lang: 'py', code: '', args: '-v' }],
    ['args of numbers', { lang: 'py', code: '', args: [1] }],
    ['files as an object', { lang: 'py', code: '', files: {} }],
    ['257 files', { lang: 'py', code: '', files: Array(257).fill({ id: fid, name: 'a', session_id: sid }) }],
    ['no time at all', { lang: 'py', code: '', timeout: 0 }],
    ['time as text', { lang: 'py', code: '', timeout: '5' }],
    ['a list', []],
  ])('refuses %s', (_, body) => {
    expect(() => parse(execBody, body)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('does not repeat what was sent in its refusal', () => {
    expect(() => parse(execBody, { lang: 'py', code: { secret: 'hunter2' } })).toThrow(/^code: (?!.*hunter2)/);
  });
});

function stored(name: string): StoredFile {
  const [id, sessionId, digest, contentType] = [newId(), sid, 'd', 'text/csv'];
  return { id, sessionId, name, size: 1, digest, contentType, readOnly: false, source: 'program', createdAt: 0 };
}

describe('toAnswer', () => {
  test('answers a plain run under both names of its session', () => {
    const run = finishedExecution({ result: { stdout: said('3\n'), exitCode: 1 } });
    expect(toAnswer(run)).toEqual({
      session_id: run.id,
      storage_session_id: run.id,
      stdout: '3\n',
      stderr: '',
      code: 1,
      signal: null,
      message: null,
      status: null,
      wall_time: 12,
      cpu_time: 8,
      memory: 1000,
      files: [],
    });
  });

  test.each([
    ['timed_out', 'TO', 'Time limit exceeded'],
    ['out_of_memory', 'SG', 'Out of memory'],
    ['output_limit', 'OL', 'stdout length exceeded'],
    ['killed', null, 'Killed'],
  ] as const)('%s has status %s and a marker', (outcome, status, reason) => {
    const result = { outcome, exitCode: null, signal: 'SIGKILL', stderr: said('was here') };
    const answer = toAnswer(finishedExecution({ result: { ...result, stdout: { ...said('abc'), bytes: 1000 } } }));
    expect(answer).toMatchObject({ status, code: null, signal: 'SIGKILL', message: reason });
    expect(answer.stderr).toBe(`was here\n[sandbox] ${reason}\n`);
  });

  test('names the stream that ran over', () => {
    const stderr = { text: 'e', bytes: 9000, truncated: true };
    expect(toAnswer(finishedExecution({ result: { outcome: 'output_limit', stderr } })).message).toBe(
      'stderr length exceeded',
    );
  });

  test('says that a stream was shortened although the program ended by itself', () => {
    const shortened = toAnswer(finishedExecution({ result: { stdout: said('a…b', true) } }));
    expect(shortened).toMatchObject({ status: 'OL', stderr: '\n[sandbox] stdout truncated at 5 bytes\n' });
    const quieter = toAnswer(finishedExecution({ result: { stderr: said('e', true) } }));
    expect(quieter).toMatchObject({ status: null, stderr: 'e\n[sandbox] stderr truncated at 1 bytes\n' });
  });

  test('lists new and changed files, then unchanged inputs', () => {
    const [made, changed] = [stored('plots/a.png'), stored('in.csv')];
    const from = { sessionId: newId(), fileId: newId(), scope: { kind: 'user' } } as const;
    const skill = { sessionId: newId(), fileId: newId(), scope: { kind: 'skill', id: 'sk', version: 2 } } as const;
    const files: ReportedFile[] = [
      { change: 'inherited', path: 'lib/x.py', ref: skill },
      { change: 'created', file: made },
      { change: 'modified', file: changed, from },
    ];
    expect(toAnswer(finishedExecution({ files })).files).toEqual([
      { id: made.id, name: 'plots/a.png', session_id: sid, storage_session_id: sid },
      {
        id: changed.id,
        name: 'in.csv',
        session_id: sid,
        storage_session_id: sid,
        modified_from: { id: from.fileId, session_id: from.sessionId, storage_session_id: from.sessionId },
      },
      {
        id: skill.fileId,
        name: 'lib/x.py',
        session_id: skill.sessionId,
        storage_session_id: skill.sessionId,
        inherited: true,
        kind: 'skill',
        resource_id: 'sk',
        version: 2,
      },
    ]);
  });

  test('lists at most fifty, but never leaves out what the run made', () => {
    const ref = { sessionId: newId(), fileId: newId(), scope: { kind: 'user' } } as const;
    const inherited = Array.from({ length: 60 }, (_, i): ReportedFile => ({ change: 'inherited', path: `${i}`, ref }));
    const made = Array.from({ length: 55 }, (_, i): ReportedFile => ({ change: 'created', file: stored(`${i}`) }));
    expect(toAnswer(finishedExecution({ files: inherited })).files).toHaveLength(50);
    const { files } = toAnswer(finishedExecution({ files: [...made, ...inherited] }));
    expect(files).toHaveLength(55);
    expect(files.some((file) => file.inherited)).toBe(false);
  });

  test('tells of removed inputs and of files that could not be stored', () => {
    expect(toAnswer(finishedExecution({ deleted: ['a.csv'] })).deleted_files).toEqual(['a.csv']);
    const code = 'artifact_delivery_failed';
    const lose = (...paths: string[]) => paths.map((path) => ({ path, reason: 'The disk is full.' }));
    expect(toAnswer(finishedExecution({ lost: lose('a', 'b') }))).toMatchObject({
      message: 'Not kept: a, b. The disk is full.',
      stderr: '\n[sandbox] Not kept: a, b. The disk is full.\n',
    });
    expect(toAnswer(finishedExecution({ lost: lose('a', 'b') })).artifact_delivery).toEqual({
      code,
      status: 'failed',
      attempted: 2,
      delivered: 0,
      failed: 2,
    });
    const files: ReportedFile[] = [{ change: 'created', file: stored('a') }];
    expect(toAnswer(finishedExecution({ lost: lose('b'), files })).artifact_delivery).toEqual({
      code,
      status: 'partial',
      attempted: 2,
      delivered: 1,
      failed: 1,
    });
    expect(toAnswer(finishedExecution({ result: { artifactsTruncated: true } })).stderr).toMatch(
      /\[sandbox\] Some files/,
    );
  });
});

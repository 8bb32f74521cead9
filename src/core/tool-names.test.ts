import { expect, it } from 'vitest';
import { toolIdentifier } from './tool-names.ts';

it.each([
  ['get-weather', 'get_weather', 'get_weather'],
  ['get weather', 'get_weather', 'get_weather'],
  ['a.b', 'ab', 'a_b'],
  ['2fa', '_2fa', '_2fa'],
  ['class', 'class_tool', 'class'],
  ['match', 'match', 'match'],
  ['True', 'True_tool', 'True'],
  ['true', 'true', 'true_tool'],
  ['for', 'for_tool', 'for_tool'],
  ['read', 'read', 'read_tool'],
  ['Größe', 'Gre', 'Gre'],
  ['_PTC_call', '_PTC_call', '_PTC_call_tool'],
  ['数', '', 'tool'],
])('%s is %s in Python and %s in bash', (name, python, bash) => {
  expect(toolIdentifier(name, 'python')).toBe(python);
  expect(toolIdentifier(name, 'bash')).toBe(bash);
});

import { both } from '../../frame/words'

export const words = both(
  {
    title: '用语规则', hint: '送审和发布前，每份草稿的文字按这些规则检查；机器只认字词，不替代审核。', builtIn: '内置规则', builtInHint: '不适用本市的可以停用；停用记入审计日志。', own: '本市规则', ownHint: '“须修改”的不改不能发布；“请留意”的由发布人确认。', levels: { error: '须修改', warning: '请留意' } as Record<string, string>, on: '启用', add: '加一条规则', remove: '删去', code: '代码', level: '程度', words: '词语', why: '原因', advice: '改法', negatable: '前面有“禁止”“不得”等字样时不算', none: '还没有本市规则', noneTeach: '例如本市活动名称的固定写法、不再使用的旧称。',
    save: '保存', saved: '用语规则已保存，下一次检查起生效', unsaved: '有未保存的修改', readOnly: '审核员可以修改规则；您可以查看。', keyHint: '保存', nWords: (n: number) => `${n} 个词`, off: '停用的内置规则', twice: (code: string) => `代码 ${code} 重复`, incomplete: (code: string) => `规则 ${code || '（没有代码）'} 要写明代码、词语、原因和改法`, longWord: (word: string) => `“${word}”超过 32 字`, placeholder: '输入一个词后按回车',
  },
  {
    title: 'Wording rules', hint: 'Every draft is read by these rules before it is released. A machine knows words; it replaces no reviewer.', builtIn: 'Built-in rules', builtInHint: 'Those that do not apply here can be switched off; that goes into the audit log.', own: 'Rules of this city', ownHint: 'What has to change keeps a draft from being released; what to look at is confirmed by whoever releases it.', levels: { error: 'Change it', warning: 'Look at it' }, on: 'On', add: 'Add a rule', remove: 'Remove', code: 'Code', level: 'Level', words: 'Words', why: 'Why', advice: 'What to do', negatable: 'Not where it is forbidden, such as behind 禁止 or 不得', none: 'No rules of this city yet', noneTeach: 'For example how a name is to be written, or a name that is no longer used.',
    save: 'Save', saved: 'Saved; in force from the next check', unsaved: 'Not saved yet', readOnly: 'Reviewers can change the rules; you can read them.', keyHint: 'Save', nWords: (n) => `${n} words`, off: 'Built-in rules that are off', twice: (code) => `The code ${code} is there twice`, incomplete: (code) => `Rule ${code || '(no code)'} needs code, words, why and what to do`, longWord: (word) => `"${word}" has more than 32 characters`, placeholder: 'Type a word and press Enter',
  },
)

import { both } from '../../frame/words'

export const words = both(
  { title: '待我审核', hint: '轮到您审核的活动与紧急更正，最早送审的在前。', kinds: { draft: '活动发布', correction: '紧急更正' } as Record<string, string>, open: '去审核', untitled: '（没有标题）', campaign: '活动', kind: '类别', step: '步骤', submitted: '送审', none: '没有等您审核的内容', noneTeach: '编辑送审后，轮到您的步骤会出现在这里。写过草稿或审过前一步的人不能审同一份。' },
  { title: 'Waiting for me', hint: 'Campaigns and corrections whose step is yours, those that have waited longest first.', kinds: { draft: 'Release', correction: 'Correction' }, open: 'Review it', untitled: '(no title)', campaign: 'Campaign', kind: 'Kind', step: 'Step', submitted: 'Submitted', none: 'Nothing waits for you', noneTeach: 'What editors submit shows here once its step is yours. Whoever wrote a draft or decided an earlier step does not decide the same one again.' },
)

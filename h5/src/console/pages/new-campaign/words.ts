import { both } from '../../frame/words'

export const words = both(
  {
    title: '新建活动', hint: '选一个模板，填好下面几项，就能看到页面。之后都可以改，发布前市民看不到。', campaigns: '活动', steps: ['选模板', '名称', '时间与次数', '主办单位', '核对'], step: (n: number, all: number) => `第 ${n} 步，共 ${all} 步`, back: '上一步', next: '下一步', make: '建立活动', made: '活动已建立，接着按步骤完善', halfMade: '活动已建立，有一步没有做成，请在编审页补上',
    templates: '活动模板', templatesHint: '模板带好了文字、主题活动和海报，都可以修改。', none: '没有可用的模板', noneTeach: '请告诉管理员：服务器上没有活动模板。', includes: (names: string) => `包含：${names}`,
    name: '活动标题', nameHint: '市民看到的名称，最多 64 字。', needName: '请写活动标题', slug: '活动代码', slugHint: '活动网址的一部分，建立后不能改。已为您取好，一般不用改：小写字母、数字和 -。', slugShown: (address: string) => `网址：${address}`, slugWrong: '代码只用小写字母、数字和 -，最多 32 个，不以 - 开头', slugTaken: '这个代码已有活动使用，请换一个',
    window: '活动时间（北京时间）', opens: '开始', closes: '结束', lasts: (days: number) => `共 ${days} 天`, windowWrong: '结束要晚于开始', windowPast: '结束时间已经过去', needWindow: '请选择开始和结束时间', period: '每人计几次', all: '整个活动计一次', daily: '每天计一次', allAbout: (days: number) => `一个人在这 ${days} 天里不管来几次，只算一个人，序号不变。适合“参与人数”。`, dailyAbout: (days: number) => `每天零点重新计，一个人最多可以参加 ${days} 天，每天有当天的序号。适合“每日打卡”。`, periodFixed: '发布后不能再改。',
    organiser: '主办单位与页脚', organiserHint: '每个公开页面底部都要有，法律要求写明。现在可以不填全，发布前补齐。', usual: '已沿用上一个活动的内容，请核对。', orgName: '主办单位', telephone: '联系电话', icp: 'ICP 备案号', police: '公安备案号', responsible: '儿童信息保护负责人', report: '举报入口（网址或 mailto: 邮箱）', reportWrong: '举报入口要是 https:// 开头的网址、mailto: 开头的邮箱，或本站以 / 开头的地址；还没有就空着', needOrg: '请至少写主办单位', places: '区县和单位', placesFrom: (title: string) => `沿用“${title}”的区县和单位`, placesLater: '以后从文件导入', placesHint: '市民参加时要选区县。同一座城市通常每次都一样。',
    said: {} as Record<string, { name: string; about: string }>,
    check: '核对一遍', template: '模板', edit: '修改', nothingYet: '（未填，发布前补）',
  },
  {
    title: 'New campaign', hint: 'Choose a template and fill in a few things, and you can see the page. All of it can be changed; citizens see nothing before you publish.', campaigns: 'Campaigns', steps: ['Template', 'Name', 'Dates', 'Organiser', 'Look through'], step: (n, all) => `Step ${n} of ${all}`, back: 'Back', next: 'Next', make: 'Make it', made: 'It is there: go on step by step', halfMade: 'It is there, but one step failed: mend it on the desk',
    templates: 'Templates', templatesHint: 'Each comes with texts, activities and a poster, all of which you can change.', none: 'There are no templates', noneTeach: 'Tell an admin: the server has none.', includes: (names) => `With: ${names}`,
    name: 'Title', nameHint: 'What citizens see, 64 characters at most.', needName: 'Give it a title', slug: 'Code', slugHint: 'Part of its address, fixed once it is made. This one will do: small letters, digits and -.', slugShown: (address) => `Address: ${address}`, slugWrong: 'Small letters, digits and -, 32 at most, not - first', slugTaken: 'Another campaign has this code',
    window: 'Dates (Beijing time)', opens: 'Opens', closes: 'Closes', lasts: (days) => `${days} days`, windowWrong: 'It has to close after it opens', windowPast: 'That is over already', needWindow: 'Choose both dates', period: 'How often each is counted', all: 'Once in all', daily: 'Once a day', allAbout: (days) => `In these ${days} days a person counts once, however often she comes, and keeps her number.`, dailyAbout: (days) => `It begins anew each midnight: a person may take part on each of ${days} days, with a number each day.`, periodFixed: 'It is fixed once published.',
    organiser: 'Organiser and footer', organiserHint: 'The law wants them at the end of every public page. Fill in what you have; the rest before you publish.', usual: 'Taken over from the last campaign: please check.', orgName: 'Organiser', telephone: 'Telephone', icp: 'ICP number', police: 'Police filing number', responsible: "Person responsible for children's data", report: 'Where to report (address, or mailto:)', reportWrong: 'An address with https://, a mail address with mailto:, or a path of this site with / in front; leave it empty if there is none yet', needOrg: 'Name the organiser', places: 'Districts and units', placesFrom: (title) => `As in "${title}"`, placesLater: 'Import them from a file later', placesHint: 'Citizens choose a district. A city has the same ones each time.',
    said: {
      salute: { name: 'Salute the flag', about: 'See the flag rise, salute, and get a number and a poster. For National Day, Martyrs’ Day, the first day of school.' },
      pledge: { name: 'Pledge', about: 'Read a pledge, sign or tap, and get a number and a poster. Signatures stay on the citizen’s phone. For traffic manners, sorting waste, honest trade, family values.' },
      quiz: { name: 'Quiz', about: 'Answer some questions, see what is right and why, and get a number and a poster. One may answer again; each counts once. For the flag and anthem, manners, safety.' },
      messages: { name: 'Message wall', about: 'See what others wrote, choose or write a line, and get a number and a poster. Own words show after review. For National Day, Qingming, graduation, Spring Festival.' },
      photos: { name: 'Photo wall', about: 'Citizens share a photo with a line; reviewed ones go on the wall. No photos of or from children under 14. For good manners, the city’s beauty, people at work.' },
      vote: { name: 'Vote', about: 'Read what candidates did, vote, and get a number and a poster. A ballot is seen by its voter alone; results can be published after the recount. For role models and good neighbours.' },
    },
    check: 'Look through it', template: 'Template', edit: 'Change', nothingYet: '(before you publish)',
  },
)

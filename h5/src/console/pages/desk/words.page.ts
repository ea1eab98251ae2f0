/** The words of the page's editor, of the share card and of the guide. */
import { both } from '../../frame/words'

export const words = both(
  {
    kinds: { cover: '封面', text: '正文', picture: '图片', film: '视频', entry: '活动入口', wall: '寄语墙', signature: '落款' } as Record<string, string>,
    about: { cover: '一张图、一个大标题和一句话', text: '一段或几段文字', picture: '一张图和说明', film: '一段视频：点了才播放，静音开始', entry: '市民参加的地方：升旗、敬礼等都在这里', wall: '最新几条审核通过的寄语', signature: '右下角的落款，空着写主办单位' } as Record<string, string>,
    blocks: '页面内容', blocksHint: '市民从上往下看到的内容。拖动可以换位，也可以用“上移”“下移”。', none: '页面只有活动本身', noneTeach: '可以加上封面、正文、图片、视频、寄语墙和落款。先用推荐的版式，再逐块修改最快。', begin: '用推荐的版式开始', usual: { title: '活动说明', text: (isDaily: boolean) => `请用手机微信打开本页参加，每人${isDaily ? '每天' : '只'}计一次。\n不收集手机号；未满14周岁的小朋友请由监护人陪同。` }, add: '添加', once: '一页只能有一块', full: '一页最多 20 块', up: '上移', down: '下移', remove: '删去', removed: (name: string) => `已删去“${name}”`, drag: (name: string) => `拖动“${name}”换位`, lacks: { media: '未选文件', text: '未写文字', any: '还是空的' } as Record<string, string>,
    edit: (name: string, n: number) => `第 ${n} 块：${name}`, choose: '在列表里选一块来修改', parts: { title: '标题', text: '文字', media: { image: '图片', video: '视频' } as Record<string, string>, caption: '说明', count: '显示几条' }, textHint: '每换一行是一段。写什么就显示什么，不支持网页代码。', coverHint: '写了标题，下面活动入口里的标题就不再重复显示。图片里有国旗时，要完整、不遮挡、不倒置。', pictureHint: '替代文字在媒体库里填写，给看不见图片的人听。', entryHint: '这里放着活动本身，没有要填的。没有“活动入口”的页面不能发布。', wallHint: '标题空着写“寄语”。只显示审核通过的，姓名已遮盖。', signHint: '空着写主办单位。可分行写单位和日期。',
    skin: '页面风格', skinHint: '风格只改变国旗周围的颜色，国旗始终完整、原色。', skins: { dawn: '黎明', paper: '素白', festive: '红金' } as Record<string, string>, skinAbout: { dawn: '深蓝到金的晨光，庄重', paper: '白纸黑字，清楚素净', festive: '暗红与金，节庆' } as Record<string, string>,
    phone: '手机里的样子', phoneHint: '真实页面，按 360×780 的手机显示；保存后刷新。这里点按不计数。', refresh: '刷新', scan: '扫码在手机上看', opening: '正在打开…',
    weight: '页面大小', weightIs: (now: string, most: string) => `打开时下载 ${now}，预算 ${most}`, weightOver: '超出预算', weightGood: '在预算内', part: '部分', size: '大小', onScroll: '往下看时', later: (size: string) => `往下看时再下载 ${size}`, films: (size: string) => `视频 ${size}，点了才下载`, waits: '保存后更新',
    fixed: '活动已发布：现在改的是草稿，送审通过后才会公开。', readOnly: '编辑可以修改页面；您可以查看。',
    keys: { next: '选下一块', previous: '选上一块', up: '上移这一块', down: '下移这一块', save: '立即保存', scan: '扫码在手机上看' },
    pair: { title: '海报', hint: '由服务器画出，姓名和序号是虚构的。', one: '与目前公开的没有不同，或还没有公开过。', before: '目前公开的', after: '草稿的', drawing: '正在画海报…', page: '看真实页面', technical: (n: number) => `海报图层与技术设置的改动（${n} 处）`, whole: '展开全部内容', toComment: '写意见并退回' },
    card: { title: '分享卡片的样子', chat: '发给朋友', moments: '发到朋友圈', momentsHint: '朋友圈只显示标题', cutTitle: '标题会被截断，请缩短', cutDesc: '描述会被截断，请缩短', image: '从媒体库选图', noImage: '没有图片' },
    form: { title: '参与表单', hint: '市民参加时要填的。越少越好：不问姓名和电话。', region: '区县', regionOn: '总是询问；可选“不便选择”', unit: '单位 / 学校', unitOn: '询问单位', unitHint: '导入了单位才会询问', free: '自己写寄语', places: '导入区县与单位', words: '在“基本”里开关' },
    music: { title: '国歌录音', hint: '选官方录音。由市民点击播放一遍，不循环、不自动播放。', field: '录音文件（MP3）' },
    privacy: { title: '隐私补充说明', hint: '系统已写明处理什么、为什么、存多久。本次活动另有说明时写在这里，每行一段。', most: 1000 },
    guide: {
      title: '从这里到上线', show: '打开步骤向导', hide: '收起向导', progress: (done: number, all: number) => `${done}/${all} 步完成`, isDone: '已完成', prefilled: '模板已填', next: '下一步',
      steps: { content: '内容', page: '页面', poster: '海报', checks: '检查', preview: '扫码预览', review: '送审', release: '发布' } as Record<string, string>,
      about: { content: '写好标题、时间、主题活动，导入区县，补全页脚。', page: '用内容块搭页面，选一种风格；不搭也可以，页面就只有活动本身。', poster: '确认纪念海报用哪个模板。', checks: '看系统列出的问题，逐项处理。', preview: '生成二维码，用自己的手机打开真实页面看一遍。', review: '交给审核员逐步审核；写过的人不能审。', release: '审核通过后，立即或定时发布。' } as Record<string, string>,
    },
  },
  {
    kinds: { cover: 'Cover', text: 'Text', picture: 'Picture', film: 'Film', entry: 'The activity', wall: 'Messages', signature: 'Signature' },
    about: { cover: 'A picture, a large title and a line', text: 'One or some paragraphs', picture: 'A picture with a caption', film: 'A film: played when tapped, muted at first', entry: 'Where citizens take part', wall: 'The newest approved messages', signature: 'At the lower right; the organiser where empty' },
    blocks: 'The page', blocksHint: 'What citizens see, from top to bottom. Drag to reorder, or use the buttons.', none: 'The page is the activity alone', noneTeach: 'Add a cover, texts, pictures, films, messages and a signature. It is quickest to begin with the usual page.', begin: 'Begin with the usual page', usual: { title: '活动说明', text: (isDaily) => `请用手机微信打开本页参加，每人${isDaily ? '每天' : '只'}计一次。\n不收集手机号；未满14周岁的小朋友请由监护人陪同。` }, add: 'Add', once: 'One on a page', full: '20 blocks at most', up: 'Up', down: 'Down', remove: 'Remove', removed: (name) => `"${name}" was removed`, drag: (name) => `Drag "${name}"`, lacks: { media: 'no file', text: 'no text', any: 'empty' },
    edit: (name, n) => `Block ${n}: ${name}`, choose: 'Choose a block of the list to change it', parts: { title: 'Title', text: 'Text', media: { image: 'Picture', video: 'Film' }, caption: 'Caption', count: 'How many' }, textHint: 'Each line is a paragraph. It is shown as written; markup does nothing.', coverHint: 'With a title here, the activity below does not repeat it. A flag in the picture has to be whole, upright and uncovered.', pictureHint: 'Its alt text is written in the library, for those who cannot see it.', entryHint: 'The activity itself stands here. Without it a page cannot be published.', wallHint: 'Without a title it says 寄语. Approved messages alone, names masked.', signHint: 'Empty: the organiser. Office and date may take a line each.',
    skin: 'Skin', skinHint: 'A skin colours what is around the flag; the flag stays whole and as it is.', skins: { dawn: 'Dawn', paper: 'Paper', festive: 'Red and gold' }, skinAbout: { dawn: 'From deep blue to gold', paper: 'Ink on white, plain', festive: 'Lacquer and gold' },
    phone: 'On a phone', phoneHint: 'The real page on a phone of 360 x 780, fresh after each save. Nothing counts here.', refresh: 'Refresh', scan: 'Scan to see it on a phone', opening: 'Opening…',
    weight: 'Weight', weightIs: (now, most) => `${now} when opened, of ${most}`, weightOver: 'Over the budget', weightGood: 'Within the budget', part: 'Part', size: 'Size', onScroll: 'on scrolling', later: (size) => `${size} more on scrolling`, films: (size) => `Films ${size}, when played`, waits: 'Fresh after the save',
    fixed: 'It is published: you change the draft, which is public once it has passed the review.', readOnly: 'Editors can change the page; you can look.',
    keys: { next: 'Next block', previous: 'Previous block', up: 'Move it up', down: 'Move it down', save: 'Save now', scan: 'Scan to see it on a phone' },
    pair: { title: 'Poster', hint: 'Drawn by the server; name and ordinal are made up.', one: 'It is as what is public, or nothing is public yet.', before: 'What is public', after: 'The draft', drawing: 'Drawing…', page: 'Look at the real page', technical: (n) => `Layers of the poster and technical settings that changed (${n})`, whole: 'Show all of the content', toComment: 'Return it' },
    card: { title: 'The share card', chat: 'To a friend', moments: 'To Moments', momentsHint: 'Moments show the title alone', cutTitle: 'The title is cut: shorten it', cutDesc: 'The description is cut: shorten it', image: 'Choose a picture', noImage: 'No picture' },
    form: { title: 'What is asked', hint: 'As little as possible: no name and no telephone.', region: 'District', regionOn: 'Always asked; "rather not say" is one', unit: 'Unit or school', unitOn: 'Ask for the unit', unitHint: 'Asked where units were imported', free: 'Own words', places: 'Import districts and units', words: 'Switched under Basics' },
    music: { title: 'Anthem recording', hint: 'The official recording. Played once when tapped, never looped, never by itself.', field: 'Recording (MP3)' },
    privacy: { title: 'More about privacy', hint: 'The page says what is kept, why and how long. Add what is special about this campaign, a paragraph a line.', most: 1000 },
    guide: {
      title: 'From here to the public', show: 'Show the guide', hide: 'Hide the guide', progress: (done, all) => `${done} of ${all} done`, isDone: 'done', prefilled: 'from the template', next: 'Next',
      steps: { content: 'Content', page: 'Page', poster: 'Poster', checks: 'Checks', preview: 'Preview', review: 'Review', release: 'Release' },
      about: { content: 'Title, dates, activities, districts and footer.', page: 'Build it from blocks and choose a skin; without any, it is the activity alone.', poster: 'Choose the poster.', checks: 'See what the product finds, and mend it.', preview: 'Make a QR code and open the real page on your phone.', review: 'Hand it to the reviewers; nobody reviews her own.', release: 'Once approved, publish now or at a time.' },
    },
  },
)

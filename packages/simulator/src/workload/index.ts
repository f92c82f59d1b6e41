export { Application, type WorkloadHost } from './application.ts';
export { drawWorkload, type GroupPlan, type SenderPlan, type TopicPlan, type WorkloadDraw, type WorkloadPlan } from './plan.ts';
export { Workload } from './workload.ts';

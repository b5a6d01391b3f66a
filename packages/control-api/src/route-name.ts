import { ROUTE_NAMES } from '@downstream/protocol';
import { z } from 'zod';

export const routeName = z.enum(ROUTE_NAMES);
